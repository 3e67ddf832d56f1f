package import CoreNets
package import CoreTensor
import Synchronization

/// The adapters of one linear or convolution layer at work: decides for each call between adding the update's
/// share to the layer's output and replacing the layer's weight.
package final class AttachedLayer: LayerAdapter {
    /// An update with its strength.
    struct Member {
        let name: String
        let update: any LayerUpdate
        let strength: Float
        let control: AdapterControl
        /// Its rank goes with the network's times (T-LoRA).
        var followsTime = false
    }

    private let members: [Member]
    /// Those with the same weight at all times.
    private let steady: [Member]
    private let geometry: LayerGeometry
    /// W + ΔW outside training, valid for one generation of the members' weights.
    private var kept: (generation: Int, weight: Tensor, bias: Tensor?)?
    /// Of `kept`: groups of samples on several threads call one layer.
    private let lock = Mutex(())

    init(_ members: [Member], geometry: LayerGeometry) {
        self.members = members
        steady = members.filter { !$0.followsTime }
        self.geometry = geometry
    }

    package func forward(_ x: Tensor, through layer: Linear, adding residual: Tensor?) -> Tensor {
        let site = Call(
            x: x, weight: layer.weight.tensor, bias: layer.bias?.tensor, rows: x.count / layer.inputs, stride: 1,
            padding: Padding(0), base: { layer.base($0, adding: residual) }, residual: residual)
        return OperationTimes.measure(.adapter) { forward(site) }
    }

    package func forward(_ x: Tensor, through layer: Conv2d, adding residual: Tensor?) -> Tensor {
        let padded = (layer.padding.top + layer.padding.bottom, layer.padding.left + layer.padding.right)
        let height = (x.shape[1] + padded.0 - layer.kernel) / layer.stride + 1
        let width = (x.shape[2] + padded.1 - layer.kernel) / layer.stride + 1
        let site = Call(
            x: x, weight: layer.weight.tensor, bias: layer.bias?.tensor, rows: x.shape[0] * height * width,
            stride: layer.stride, padding: layer.padding, base: { layer.base($0, adding: residual) },
            residual: residual)
        return OperationTimes.measure(.adapter) { forward(site) }
    }

    /// One call of the layer.
    private struct Call {
        let x: Tensor
        let weight: Tensor
        let bias: Tensor?
        /// Output positions.
        let rows: Int
        let stride: Int
        let padding: Padding
        let base: (Tensor) -> Tensor
        let residual: Tensor?
    }

    private func forward(_ call: Call) -> Tensor {
        if steady.count < members.count { return following(call) }
        // Training runs one adapter; several at once, or a still one, have a fixed weight.
        guard members.count == 1, let member = members.first, member.control.isTraining else {
            let (weight, bias) = keptWeight(call)
            return apply(weight, bias, call)
        }
        lock.withLock { _ in kept = nil }
        if member.control.skips(member.name) { return call.base(call.x) }
        let mask = member.control.rowMask(member.name, rows: geometry.outputs)
        let onRank = member.control.rankActivations(member.name)
        let update = member.update
        update.begin(step: member.control.drawStream(member.name))
        let cost = update.cost(rows: call.rows, geometry: geometry)
        func bypassCall(_ y: Tensor) -> BypassCall {
            BypassCall(
                x: call.x, y: y, geometry: geometry, stride: call.stride, padding: call.padding, rowScale: mask,
                onRank: onRank)
        }
        if onRank == nil, isMatrix(call), Precision.isFull, cost.fused < min(cost.merged, cost.rebuild),
            let pair = update.factors()
        {
            return linear(
                call.x, weight: call.weight.reshaped([geometry.outputs, geometry.columns]),
                up: mask.map { scaleSamples(pair.up, $0) } ?? pair.up, down: pair.down, bias: call.bias,
                adding: call.residual)
        }
        if onRank != nil || cost.bypass < min(cost.merged, cost.rebuild) {
            if let y = update.bypass(bypassCall(call.base(call.x))) { return y }
        }
        let base = matrix(call.weight)
        if mask == nil, cost.merged < cost.rebuild, let finish = update.mergedGradient(stride: call.stride) {
            let weight = withoutGradients { update.weight(base: base, strength: 1) }
            return finish(bypassCall(apply(weight, call.bias, call)))
        }
        let weight =
            mask.map { add(base, scaleSamples(update.delta(base: base), $0)) } ?? update.weight(base: base, strength: 1)
        return apply(weight, update.bias(base: call.bias, strength: 1), call)
    }

    /// What adapters that go with the times add, each sample by its own, to the layer with the others.
    private func following(_ call: Call) -> Tensor {
        var y: Tensor
        if steady.isEmpty {
            y = call.base(call.x)
        } else {
            let (weight, bias) = keptWeight(call)
            y = apply(weight, bias, call)
        }
        for member in members where member.followsTime {
            let (control, update) = (member.control, member.update)
            if control.isTraining, control.skips(member.name) { continue }
            update.begin(step: control.isTraining ? control.drawStream(member.name) : nil)
            let onRank = control.rankActivations(member.name)
            func added(to y: Tensor) -> Tensor? {
                update.bypass(
                    BypassCall(
                        x: call.x, y: y, geometry: geometry, stride: call.stride, padding: call.padding,
                        rowScale: control.rowMask(member.name, rows: geometry.outputs),
                        onRank: { ranks in
                            control.actingRanks(onRank.map { $0(ranks) } ?? ranks, strength: member.strength)
                        }))
            }
            guard let next = control.isTraining ? added(to: y) : withoutGradients({ added(to: y) }) else {
                preconditionFailure("\(member.name): no ranks to leave out")
            }
            y = next
        }
        return y
    }

    private func matrix(_ weight: Tensor) -> Tensor {
        weight.widened().reshaped([geometry.outputs, geometry.columns])
    }

    /// Whether the layer is a product with a matrix.
    private func isMatrix(_ call: Call) -> Bool {
        geometry.kind == .linear || (geometry.kernel == 1 && call.stride == 1 && call.padding == Padding(0))
    }

    private func apply(_ weight: Tensor, _ bias: Tensor?, _ call: Call) -> Tensor {
        if isMatrix(call) {
            return linear(call.x, weight: weight, bias: bias, adding: call.residual)
        }
        let side = geometry.kernel
        let filter = weight.reshaped([geometry.outputs, side, side, geometry.inputs])
        let y = conv2d(call.x, weight: filter, bias: bias, stride: call.stride, padding: call.padding)
        return call.residual.map { add(y, $0) } ?? y
    }

    private func keptWeight(_ call: Call) -> (Tensor, Tensor?) {
        let generation = steady.reduce(0) { $0 + $1.control.generation }
        var result: (Tensor, Tensor?)?
        lock.withLock { _ in
            if let kept, kept.generation == generation {
                result = (kept.weight, kept.bias)
                return
            }
            let (weight, bias) = withoutGradients { summedWeight(call) }
            kept = nil
            let bytes = weight.count * MemoryLayout<Float>.stride
            if let control = steady.first?.control, control.mayKeep(bytes: bytes) { kept = (generation, weight, bias) }
            result = (weight, bias)
        }
        guard let result else { preconditionFailure("a layer without a weight") }
        return result
    }

    /// W + Σ strength · ΔW, every ΔW taken from the base so that the adapters' order says nothing.
    private func summedWeight(_ call: Call) -> (Tensor, Tensor?) {
        let base = matrix(call.weight.detached())
        var weight: Tensor?
        var bias = call.bias?.detached()
        for member in steady {
            member.update.begin(step: nil)
            let changed = member.update.weight(base: base, strength: member.strength)
            weight = weight.map { add($0, subtract(changed, base)) } ?? changed
            let changedBias = member.update.bias(base: call.bias, strength: member.strength)
            guard let changedBias, changedBias !== call.bias else { continue }
            let change = call.bias.map { subtract(changedBias, $0) } ?? changedBias
            bias = bias.map { add($0, change) } ?? change
        }
        return ((weight ?? base).detached(), bias?.detached())
    }
}
