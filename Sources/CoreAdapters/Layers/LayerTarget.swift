package import CoreNets
package import RunSpec

/// A layer that an adapter can change, with its place in the network.
package struct LayerTarget {
    package let side: AdapterSide
    package let path: String
    package let geometry: LayerGeometry
    package let module: any Module
    /// How files call the layers of this component.
    package let names: LayerNames

    /// The layer's name in the files we write.
    package var fileName: String { names.written(path) }

    /// Every layer of a network that adapters know.
    package static func all(in root: any Module, side: AdapterSide, isPaired: Bool = false) -> [LayerTarget] {
        var targets: [LayerTarget] = []
        let names = LayerNames(root, side: side, isPaired: isPaired)
        root.visit { path, module in
            guard let geometry = LayerGeometry(module) else { return }
            targets.append(LayerTarget(side: side, path: path, geometry: geometry, module: module, names: names))
        }
        return targets
    }

    /// The layers of `root` that a rule selects, in registration order; norms only below selected blocks.
    ///
    /// - Parameter isPaired: whether a text encoder is one of SDXL's two, which decides its name.
    package static func selected(
        by rule: LayerRule, in root: any Module, side: AdapterSide, isPaired: Bool = false
    ) -> [LayerTarget] {
        var targets: [LayerTarget] = []
        let names = LayerNames(root, side: side, isPaired: isPaired)
        let rule = LayerNames.isTransformer(root) ? TransformerRule.of(rule) : rule
        // Paths of the selected blocks and of the enclosing ones that `within` asks for.
        var blocks: [String] = []
        var enclosing: [String] = []
        root.visit { path, module in
            if module.className == rule.within { enclosing.append(path) }
            if rule.classes.contains(module.className),
                rule.within == nil || enclosing.contains(where: { isBelow(path, $0) })
            {
                blocks.append(path)
            }
            guard let geometry = LayerGeometry(module) else { return }
            let named = geometry.kind != .norm && matches(path, rule.names)
            guard named || blocks.contains(where: { isBelow(path, $0) }), !matches(path, rule.exclude) else { return }
            targets.append(LayerTarget(side: side, path: path, geometry: geometry, module: module, names: names))
        }
        return targets
    }

    private static func isBelow(_ path: String, _ block: String) -> Bool {
        block.isEmpty || path.hasPrefix(block + ".")
    }

    private static func matches(_ path: String, _ names: [String]) -> Bool {
        names.contains { name in
            if name.contains("*") || name.contains("?") { return Glob.matches(path, name) }
            return path == name || path.hasSuffix("." + name)
        }
    }
}
