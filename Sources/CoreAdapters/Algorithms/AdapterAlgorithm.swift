import CoreTensor
import RunSpec

/// A layer of a network as the algorithms see it.
struct LayerSite {
    /// The layer's name in files.
    let name: String
    let geometry: LayerGeometry
    /// The frozen weight as the network keeps it, perhaps as half floats.
    let kept: Tensor
    let bias: Tensor?

    /// The frozen weight in f32, `[outputs, columns]`; half floats are widened each time, as most algorithms
    /// read none.
    var weight: Tensor { kept.widened().detached().reshaped([geometry.outputs, geometry.columns]) }
}

/// One algorithm: how it trains a layer, which tensors its files hold, what these do to a weight in f64, and
/// how a layer of it is made or gets another rank.
///
/// Each has a folder beside this file. `AdapterRegistry` lists them; no other place asks which algorithm it
/// deals with.
protocol AdapterAlgorithm: Sendable {
    var algorithm: Algorithm { get }

    // Training.

    /// A new update with ΔW = 0.
    ///
    /// - Throws: `AdapterError.badOption` for options that do not fit the layer.
    func create(at site: LayerSite, _ layer: NewLayer) throws -> any LayerUpdate
    /// The update that a file's keys describe.
    ///
    /// - Throws: `AdapterError` if the shapes do not fit the layer.
    func read(at site: LayerSite, _ keys: LayerKeys) throws -> any LayerUpdate

    /// Numbers that a layer's update trains, or a little more.
    ///
    /// - Parameter rank: nil where the adapter has none.
    func valueCount(_ geometry: LayerGeometry, rank: Int?) -> Int

    // Files, in f64.

    /// Which tensors make up a layer.
    var form: LayerForm { get }
    /// Whether ΔW depends on the weight it changes; then `delta` makes it, `factors` otherwise.
    var needsBase: Bool { get }
    /// The rank that a layer's tensors show: of the low-rank factor; a block's side for the orthogonal ones;
    /// nil without one.
    func rank(of layer: StoredLayer) -> Int?
    /// ΔW of a layer at strength 1, not multiplied out, without a difference that stands beside it.
    ///
    /// - Throws: `AdapterError` for missing keys and shapes that do not fit each other.
    func factors(of layer: StoredLayer) throws -> UpdateFactors
    /// ΔW of a layer that changes its base relative to itself, `[outputs, inputs · taps]` in the file's
    /// order.
    ///
    /// - Parameter strength: 1 stands for the trained adapter; rotations do not simply multiply by it.
    /// - Throws: `AdapterError` for missing keys and shapes that do not fit.
    func delta(of layer: StoredLayer, base: StoredTensor, strength: Double) throws -> DoubleMatrix
    /// The tensors into which lycoris-lora multiplies `use_scalar`'s learnable factor.
    func scalarTargets(in layer: StoredLayer) -> [String]
    /// The algorithm itself, among those whose files have the same keys.
    func named(by tensors: [String: StoredTensor]) -> Algorithm
    /// A tensor whose trailing axes show the layer's kernel, where one does.
    func kernelTensor(of layer: StoredLayer) -> StoredTensor?

    // PEFT's files.

    /// PEFT's name of it (`peft_type`); nil where PEFT's files are not read.
    var nameInPEFT: String? { get }
    /// Multiplies a layer without a rank, where a plain reader takes a scale of 1.
    func scale(unranked layer: inout StoredLayer, by scale: Double)

    // Tools.

    /// kohya's `ss_network_module` of files that hold nothing else.
    var networkModule: String { get }
    /// Makes a layer of a weight's change; nil for an algorithm into which none can be turned.
    var extraction: LayerExtraction? { get }
    /// A layer with another rank, its ΔW as near as can be.
    ///
    /// - Throws: `AdapterError` for an algorithm without a rank, or tensors that cannot be decomposed.
    func resized(_ layer: StoredLayer, _ resize: LayerResize) throws -> StoredLayer
}

/// A weight's change that becomes a layer.
struct ExtractedChange {
    /// The layer's name in files.
    let name: String
    /// `[out, in · taps]`, columns in the file's order.
    let delta: DoubleMatrix
    /// Of the weight, `[out, in]` or `[out, in, k, k]`.
    let shape: [Int]
    /// For a low-rank product.
    let rule: RankRule
    /// For a Kronecker product: bound of the smaller factor; -1 splits evenly.
    let factor: Int
}

/// - Throws: `AdapterError` for a change that cannot be decomposed.
typealias LayerExtraction = @Sendable (ExtractedChange) throws -> StoredLayer

extension AdapterAlgorithm {
    /// As LoRA; one number for each row and column without a rank.
    func valueCount(_ geometry: LayerGeometry, rank: Int?) -> Int {
        min(geometry.outputs * geometry.columns, (rank ?? 1) * (geometry.outputs + geometry.columns))
    }

    var needsBase: Bool { false }
    func rank(of layer: StoredLayer) -> Int? { nil }

    func factors(of layer: StoredLayer) throws -> UpdateFactors {
        throw AdapterError(.badOption, "\(layer.place): \(algorithm.rawValue) is no product of factors")
    }

    func delta(of layer: StoredLayer, base: StoredTensor, strength: Double) throws -> DoubleMatrix {
        try factors(of: layer).dense.scaled(by: strength)
    }

    func scalarTargets(in layer: StoredLayer) -> [String] { [] }
    func named(by tensors: [String: StoredTensor]) -> Algorithm { algorithm }
    func kernelTensor(of layer: StoredLayer) -> StoredTensor? { nil }
    var nameInPEFT: String? { nil }
    func scale(unranked layer: inout StoredLayer, by scale: Double) {}
    var networkModule: String { "lycoris.kohya" }
    var extraction: LayerExtraction? { nil }

    func resized(_ layer: StoredLayer, _ resize: LayerResize) throws -> StoredLayer {
        throw AdapterError(
            .badOption,
            "\(layer.name): \(algorithm.rawValue) has no rank to change; resize takes lora, loha and lokr")
    }
}
