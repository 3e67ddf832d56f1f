import CoreNets
package import CoreTensor

/// The adapters of one normalisation layer at work.
package final class AttachedNorm: NormAdapter {
    struct Member {
        let name: String
        let update: NormUpdate
        let strength: Float
        let control: AdapterControl
    }

    private let members: [Member]

    init(_ members: [Member]) { self.members = members }

    package func affine(weight: Tensor, bias: Tensor) -> (weight: Tensor, bias: Tensor) {
        // A still adapter leaves no history behind, like the kept weights of other layers.
        let isStill = members.allSatisfy { !$0.control.isTraining }
        return isStill ? withoutGradients { changed(weight, bias) } : changed(weight, bias)
    }

    private func changed(_ weight: Tensor, _ bias: Tensor) -> (weight: Tensor, bias: Tensor) {
        members.reduce((weight, bias)) { affine, member in
            if member.control.skips(member.name) { return affine }
            return member.update.affine(
                weight: affine.0, bias: affine.1, strength: member.strength,
                mask: member.control.rowMask(member.name, rows: weight.count))
        }
    }
}
