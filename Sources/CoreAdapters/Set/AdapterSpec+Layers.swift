package import RunSpec

extension AdapterSpec {
    /// Whether a position of the U-Net gets adapters; nil stands for layers outside it.
    func includes(position: Int?) -> Bool {
        guard let position else { return true }
        return size.blockDims?[position] != 0 && blockLearningRates?[position] != 0
    }

    /// What one layer's adapter is made of; nil if the layer gets none.
    ///
    /// - Parameter position: of a U-Net layer, when lists by position are to apply.
    func layer(_ name: String, _ geometry: LayerGeometry, position: Int? = nil, seed: UInt64) -> NewLayer? {
        let isWide = geometry.kind == .convolution && geometry.taps > 1
        if isWide, !layers.includesConvolutions || size.convDim == 0 { return nil }
        let (rank, alpha) = size.ofLayer(isWide: isWide, position: position)
        return NewLayer(name: name, seed: seed, rank: rank, alpha: Float(alpha ?? 0), options: options)
    }
}

extension AdapterSpec {
    /// Numbers that the adapter of a layer trains, or a little more: algorithms with small factors count as
    /// LoRA.
    package func valueCount(of geometry: LayerGeometry) -> Int {
        guard geometry.kind != .norm else { return trainNorm ? 2 * geometry.outputs : 0 }
        let rank = geometry.kernel > 1 ? size.convDim : size.dim
        return AdapterRegistry.of(algorithm).valueCount(geometry, rank: rank)
    }
}

extension AdapterSize {
    /// Rank and alpha of a layer.
    ///
    /// - Parameters:
    ///   - isWide: a convolution with a kernel of more than one position.
    ///   - position: of a U-Net layer, when lists by position are to apply.
    fileprivate func ofLayer(isWide: Bool, position: Int?) -> (rank: Int?, alpha: Double?) {
        var rank = isWide ? convDim ?? dim : dim
        var alpha = isWide ? convAlpha ?? self.alpha : self.alpha
        guard let position else { return (rank, alpha) }
        if let blockDim = blockDims?[position], let whole = rank {
            let share = isWide && dim != nil ? Double(blockDim) * Double(whole) / Double(dim ?? 1) : Double(blockDim)
            let own = max(1, Int(share.rounded()))
            // A scale that is not named stays.
            alpha = alpha.map { $0 * Double(own) / Double(whole) }
            rank = own
        }
        if let blockAlpha = blockAlphas?[position] {
            let share = isWide ? (convAlpha ?? self.alpha ?? 1) / (self.alpha ?? 1) : 1
            alpha = blockAlpha * (share.isFinite ? share : 1)
        }
        return (rank, alpha)
    }
}
