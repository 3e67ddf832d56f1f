import CoreTensor

/// A node of a network, named as the reference libraries name it, so that files, presets and adapters can
/// address it.
package protocol Module: AnyObject {
    /// The class name in diffusers, transformers or torch, such as `Transformer2DModel`; layer presets select
    /// by it.
    var className: String { get }
    /// Parts in the reference library's registration order. A name may hold dots (`to_out.0`).
    var children: [(name: String, module: any Module)] { get }
    /// Own weights, without those of the parts.
    var parameters: [(name: String, parameter: Parameter)] { get }
    /// Sets own weights to the reference library's random initialisation. Parts were initialised before.
    ///
    /// - Parameter path: the module's place in the network; together with the seed it names the random
    ///   stream.
    func initializeOwnParameters(seed: UInt64, path: String)
}

extension Module {
    package var children: [(name: String, module: any Module)] { [] }
    package var parameters: [(name: String, parameter: Parameter)] { [] }
    package func initializeOwnParameters(seed: UInt64, path: String) {}

    /// Calls `body` with this module (path "") and every module below it, depth first, in registration order.
    package func visit(_ body: (_ path: String, _ module: any Module) -> Void) {
        visit(path: "", body)
    }

    private func visit(path: String, _ body: (_ path: String, _ module: any Module) -> Void) {
        body(path, self)
        for (name, child) in children {
            child.visit(path: path.isEmpty ? name : path + "." + name, body)
        }
    }

    /// Every weight with its dotted path, in registration order.
    package func allParameters() -> [(path: String, parameter: Parameter)] {
        var all: [(path: String, parameter: Parameter)] = []
        visit { path, module in
            for (name, parameter) in module.parameters {
                all.append((path.isEmpty ? name : path + "." + name, parameter))
            }
        }
        return all
    }

    /// The number of weights.
    package var parameterCount: Int { allParameters().reduce(0) { $0 + $1.parameter.shape.reduce(1, *) } }

    /// The module at a dotted path; nil if there is none.
    package func module(at path: String) -> (any Module)? {
        if path.isEmpty { return self }
        for (name, child) in children {
            if path == name { return child }
            if path.hasPrefix(name + "."), let found = child.module(at: String(path.dropFirst(name.count + 1))) {
                return found
            }
        }
        return nil
    }

    /// Marks every weight as one that gets a gradient, or as frozen (its gradient is dropped).
    package func setTrainable(_ trainable: Bool) {
        for (_, parameter) in allParameters() {
            parameter.tensor.requiresGradient = trainable
            if !trainable { parameter.tensor.gradient = nil }
        }
    }

    /// Keeps the matrices and filters as half floats: see `Parameter.keepAsHalf`.
    package func keepWeightsAsHalf(rounding: Bool = false) {
        for weight in matricesAndFilters() { weight.keepAsHalf(rounding: rounding) }
    }

    /// Keeps the matrices and filters as half floats one by one as they are loaded or initialised.
    package func keepWeightsAsHalfWhenSet(rounding: Bool = false) {
        for weight in matricesAndFilters() { weight.halving = rounding ? .rounding : .withoutLoss }
    }

    private func matricesAndFilters() -> [Parameter] {
        var all: [Parameter] = []
        visit { _, module in
            if let weight = (module as? Linear)?.weight ?? (module as? Conv2d)?.weight { all.append(weight) }
        }
        return all
    }

    /// Sets every weight to the reference library's random initialisation, the same on every machine.
    package func initialize(seed: UInt64, path: String = "") {
        for (name, child) in children {
            child.initialize(seed: seed, path: path.isEmpty ? name : path + "." + name)
        }
        for (_, parameter) in parameters { parameter.prepareToSet() }
        initializeOwnParameters(seed: seed, path: path)
        for (_, parameter) in parameters { parameter.settle() }
    }
}
