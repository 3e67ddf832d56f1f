import CoreAdapters
import CoreNets
import CoreTensor
import RunSpec
import TestSupport
import Testing

/// Truth: GLoKr written down once more in torch, in f64 with autograd (`Fixtures/generate_glokr.py`).
@Suite("GLoKr against torch")
struct GLoKrTests {
    static let cases = ["matrices", "low_rank", "both", "tucker"]

    /// A network that holds the fixture's weights, with the case's adapter from a file attached.
    private func attached(_ name: String, _ file: SafetensorsFile) throws -> (network: TwoLayers, set: AdapterSet) {
        let folder = try TemporaryFolder()
        var writer = SafetensorsWriter()
        let alpha = try file.floats("alpha")
        for layer in ["lin", "conv"] {
            let prefix = "\(name).\(layer).tensor."
            for key in file.names where key.hasPrefix(prefix) {
                let suffix = key.dropFirst(prefix.count)
                writer.add(
                    "lora_unet_\(layer).\(suffix)", shape: file.info(key)?.shape ?? [], floats: try file.floats(key))
            }
            writer.add("lora_unet_\(layer).alpha", shape: [], floats: alpha)
        }
        try writer.write(to: folder.path + "/glokr.safetensors")
        let network = TwoLayers(outputs: 12, inputs: 16, stride: 2)
        try network.linear.weight.load(fileShape: [12, 16], floats: try file.floats("lin.weight"))
        try network.convolution.weight.load(fileShape: [12, 16, 3, 3], floats: try file.floats("conv.weight"))
        let set = try AdapterSet.load(folder.path + "/glokr.safetensors", unet: network, textEncoder: nil)
        set.attach()
        return (network, set)
    }

    @Test("gives its outputs and its gradients of every tensor and of the input", arguments: cases)
    func training(name: String) throws {
        let file = try SafetensorsFile(path: Fixtures.path("glokr.safetensors"))
        let (network, set) = try attached(name, file)
        #expect(set.algorithms == [.glokr])
        let rows = try file.tensor("lin.x")
        let image = permuted(try file.tensor("conv.x"), [0, 2, 3, 1])
        for x in [rows, image] { x.requiresGradient = true }
        let (y, map) = (network.linear(rows), network.convolution(image))
        #expect(relativeError(y.values, try file.floats("\(name).lin.y")) < 1e-6)
        #expect(relativeError(permuted(map, [0, 3, 1, 2]).values, try file.floats("\(name).conv.y")) < 1e-6)
        add(sum(square(y)), sum(square(map))).backward()
        func gradient(_ tensor: Tensor) throws -> Tensor { try #require(tensor.gradient) }
        #expect(relativeError(try gradient(rows).values, try file.floats("\(name).lin.gradient.x")) < 5e-6)
        #expect(
            relativeError(
                permuted(try gradient(image), [0, 3, 1, 2]).values, try file.floats("\(name).conv.gradient.x")) < 5e-6)
        for layer in set.layers {
            for tensor in layer.tensors {
                let key = "\(name).\(layer.target.path).gradient.\(tensor.suffix)"
                let found = tensor.fileOrder(of: try gradient(tensor.tensor).values)
                #expect(relativeError(found, try file.floats(key)) < 5e-6, "\(key)")
            }
        }
    }

    @Test("changes the weights by as much, in the tools' double precision too", arguments: cases)
    func tools(name: String) throws {
        let file = try SafetensorsFile(path: Fixtures.path("glokr.safetensors"))
        let (_, set) = try attached(name, file)
        let folder = try TemporaryFolder()
        try set.save(to: folder.path + "/again.safetensors", type: .f32)
        for layer in try StoredAdapter(path: folder.path + "/again.safetensors").layers {
            let path = String(layer.name.dropFirst("lora_unet_".count))
            let shape = try #require(file.info("\(path).weight")).shape
            let base = StoredTensor(try file.floats("\(path).weight").map(Double.init), shape: shape)
            let delta = try layer.delta(base: base).values.map { Float($0) }
            #expect(relativeError(delta, try file.floats("\(name).\(path).delta")) < 1e-6, "\(layer.name)")
        }
    }
}
