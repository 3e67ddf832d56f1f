import CoreDiffusion
import CoreNets
import CoreTensor

extension AdapterSet {
    /// Makes the networks compute with this adapter, at full strength.
    package func attach() { Self.attach([(self, 1)]) }

    /// Makes the networks compute with several adapters at once: W + Σ strength · ΔW, every ΔW taken from the
    /// base.
    ///
    /// Only an adapter that is attached alone at strength 1 can train.
    /// - Parameter acts: whether a layer's update counts; the others' layers stay as the base has them.
    package static func attach(
        _ sets: [(set: AdapterSet, strength: Float)], where acts: (AdapterLayer) -> Bool = { _ in true }
    ) {
        var weights: [ObjectIdentifier: (target: LayerTarget, members: [AttachedLayer.Member])] = [:]
        var norms: [ObjectIdentifier: (target: LayerTarget, members: [AttachedNorm.Member])] = [:]
        if sets.count > 1 || sets.contains(where: { $0.strength != 1 }) {
            for (set, _) in sets { set.isTraining = false }
        }
        for (set, strength) in sets {
            set.control.rankByTime?.times.isFollowed = true
            for layer in set.layers where acts(layer) {
                let id = ObjectIdentifier(layer.target.module)
                switch layer.content {
                case .weight(_, let update):
                    weights[id, default: (layer.target, [])].members.append(
                        .init(
                            name: layer.name, update: update, strength: strength, control: set.control,
                            followsTime: set.control.rankByTime != nil && update.hasRanks && layer.side == .unet))
                case .norm(let update):
                    norms[id, default: (layer.target, [])].members.append(
                        .init(name: layer.name, update: update, strength: strength, control: set.control))
                }
            }
        }
        for (target, members) in weights.values {
            let attached = AttachedLayer(members, geometry: target.geometry)
            if let layer = target.module as? Linear { layer.adapter = attached }
            if let layer = target.module as? Conv2d { layer.adapter = attached }
        }
        for (target, members) in norms.values {
            let attached = AttachedNorm(members)
            if let norm = target.module as? GroupNorm { norm.adapter = attached }
            if let norm = target.module as? LayerNorm { norm.adapter = attached }
        }
    }

    /// Takes whatever adapter is attached off this adapter's layers.
    package func detach() {
        control.rankByTime?.times.isFollowed = false
        for layer in layers {
            switch layer.target.module {
            case let module as Linear: module.adapter = nil
            case let module as Conv2d: module.adapter = nil
            case let module as GroupNorm: module.adapter = nil
            case let module as LayerNorm: module.adapter = nil
            default: break
            }
        }
    }
}
