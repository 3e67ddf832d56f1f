import CoreTensor
import RunSpec

extension StoredLayer {
    /// Whether a name is one of kohya's for a layer of Flux or Stable Diffusion 3.
    static func isFused(_ name: String) -> Bool {
        name.hasPrefix("lora_unet_") && OriginalTransformerNames.place(of: String(name.dropFirst(10))) != nil
    }

    /// The layer of kohya's Flux and Stable Diffusion 3 files as diffusers' layers, each under its own name;
    /// the layer itself if it is none of those.
    ///
    /// - Throws: `AdapterError` for an algorithm whose tensors cannot be cut along the rows.
    package func divided() throws -> [StoredLayer] {
        let prefix = "lora_unet_"
        guard name.hasPrefix(prefix),
            let place = OriginalTransformerNames.place(of: String(name.dropFirst(prefix.count)))
        else { return [self] }
        func renamed(_ path: String, _ tensors: [String: StoredTensor]) -> StoredLayer {
            var layer = StoredLayer(
                name: prefix + LayerPath.flat(path), algorithm: algorithm, tensors: tensors, alpha: alpha)
            layer.place = self.place
            layer.assumesScale = assumesScale
            return layer
        }
        let swaps = place.swapsHalves || place.swapsWhereDouble && isTwiceAsTall
        if place.parts.count == 1, !swaps {
            var layer = renamed(place.parts[0].path, tensors)
            layer.spellings = spellings
            layer.isFolded = isFolded
            return [layer]
        }
        let byRow: Set = ["lora_up.weight", "lora_up.bias", "dora_scale", "diff", "diff_b"]
        let other = tensors.keys.filter { !byRow.contains($0) && $0 != "lora_down.weight" }.min()
        if let other {
            throw AdapterError(
                .unplacedKey,
                "\(key(other)): \(self.place) is several layers in diffusers' model, and only LoRA and full "
                    + "differences can be divided among them")
        }
        let whole = place.parts.reduce(0) { $0 + $1.share }
        var first = 0
        return try place.parts.map { part in
            defer { first += part.share }
            var own = tensors
            for (suffix, tensor) in tensors where byRow.contains(suffix) {
                guard let rows = tensor.shape.first, rows % whole == 0, !swaps || rows % 2 == 0 else {
                    throw AdapterError(
                        .wrongShape, "\(key(suffix)): found shape \(tensor.shape), wanted rows in \(whole) equal parts")
                }
                // Magnitudes of input channels belong to every part.
                if suffix == "dora_scale", rows == 1 { continue }
                let unit = rows / whole
                own[suffix] =
                    swaps
                    ? tensor.rows(rows / 2..<rows).appending(tensor.rows(0..<rows / 2))
                    : tensor.rows(first * unit..<(first + part.share) * unit)
            }
            var layer = renamed(part.path, own)
            // No tensor of the file is this layer's alone.
            layer.isFolded = true
            return layer
        }
    }

    /// Whether the layer makes two numbers of each that it reads.
    private var isTwiceAsTall: Bool {
        let rows = (tensors["lora_up.weight"] ?? tensors["diff"])?.shape.first ?? 0
        return rows == 2 * ((tensors["lora_down.weight"] ?? tensors["diff"])?.inputs ?? 0)
    }

    /// LoRAs of parts of one original layer as one LoRA of it: their factors on the diagonal of a larger one.
    ///
    /// - Parameters:
    ///   - name: the original layer's.
    ///   - layers: by path.
    /// - Returns: nil if a part is no plain LoRA.
    static func fused(
        _ name: String, _ place: OriginalTransformerNames.Place, _ layers: [String: StoredLayer]
    ) -> StoredLayer? {
        let present = place.parts.map { layers[$0.path] }
        let known = present.compactMap(\.self)
        let plain: Set = ["lora_up.weight", "lora_down.weight"]
        guard !known.isEmpty, known.allSatisfy({ $0.isLoRA && Set($0.tensors.keys) == plain }),
            let index = present.firstIndex(where: { $0 != nil }),
            let rows = present[index]?.tensors["lora_up.weight"]?.shape.first
        else { return nil }
        let unit = rows / place.parts[index].share
        let rank = known.reduce(0) { $0 + ($1.rank ?? 0) }
        let (outputs, inputs) = (
            unit * place.parts.reduce(0) { $0 + $1.share }, known[0].tensors["lora_down.weight"]?.inputs ?? 0
        )
        var down: [Double] = []
        var up = [Double](repeating: 0, count: outputs * rank)
        var (row, column) = (0, 0)
        for (part, layer) in zip(place.parts, present) {
            let height = part.share * unit
            defer { row += height }
            guard let layer, let own = layer.tensors["lora_up.weight"], let lower = layer.tensors["lora_down.weight"],
                let width = layer.rank, own.values.count == height * width, lower.values.count == width * inputs
            else {
                guard layer == nil else { return nil }
                continue
            }
            down += lower.values
            for line in 0..<height {
                for place in 0..<width {
                    up[(row + line) * rank + column + place] = layer.scale * own.values[line * width + place]
                }
            }
            column += width
        }
        var upper = StoredTensor(up, shape: [outputs, rank])
        let isDouble = place.swapsWhereDouble && outputs == 2 * inputs
        if place.swapsHalves || isDouble {
            upper = upper.rows(outputs / 2..<outputs).appending(upper.rows(0..<outputs / 2))
        }
        return StoredLayer(
            name: name, algorithm: .lora,
            tensors: ["lora_down.weight": StoredTensor(down, shape: [rank, inputs]), "lora_up.weight": upper],
            alpha: Double(rank))
    }
}

extension StoredTensor {
    /// Entries `range` of the first axis.
    fileprivate func rows(_ range: Range<Int>) -> StoredTensor {
        let size = values.count / max(1, shape.first ?? 1)
        return StoredTensor(
            Array(values[range.lowerBound * size..<range.upperBound * size]), shape: [range.count] + shape.dropFirst())
    }

    /// Another one below.
    fileprivate func appending(_ other: StoredTensor) -> StoredTensor {
        StoredTensor(
            values + other.values, shape: [(shape.first ?? 0) + (other.shape.first ?? 0)] + shape.dropFirst())
    }
}
