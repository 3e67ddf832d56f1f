package import CoreNets
import CoreTensor

/// Attention over two streams at once, text and image, each with projections of its own; without a second
/// stream, plain self-attention.
package final class JointAttention: Module {
    /// Which stream comes first in the joint sequence: rounding depends on it, and rotary tables follow it.
    enum Order { case textFirst, imageFirst }

    /// The parts that the published models have or lack.
    struct Form {
        var className: String
        var order = Order.textFirst
        var bias = true
        /// Root-mean-square norms of queries and keys.
        var norms = true
        /// Projections of the text stream.
        var joint = true
        /// A projection of the result; blocks that run beside their feed-forward part have none.
        var out = true
        /// A projection of the text stream's result; a last block has none.
        var textOut = true
    }

    let form: Form
    let heads: Int
    let query, key, value: Linear
    let queryNorm, keyNorm: RMSNorm?
    let out: Linear?
    let textQuery, textKey, textValue: Linear?
    let textQueryNorm, textKeyNorm: RMSNorm?
    let textOut: Linear?

    init(width: Int, heads: Int, epsilon: Float = 1e-6, _ form: Form) {
        precondition(width % heads == 0, "\(heads) heads do not divide width \(width)")
        self.form = form
        self.heads = heads
        func layer(_ exists: Bool = true) -> Linear? {
            exists ? Linear(inputs: width, outputs: width, bias: form.bias) : nil
        }
        func norm(_ exists: Bool) -> RMSNorm? {
            exists ? RMSNorm(channels: width / heads, epsilon: epsilon) : nil
        }
        query = Linear(inputs: width, outputs: width, bias: form.bias)
        key = Linear(inputs: width, outputs: width, bias: form.bias)
        value = Linear(inputs: width, outputs: width, bias: form.bias)
        (queryNorm, keyNorm) = (norm(form.norms), norm(form.norms))
        out = layer(form.out)
        (textQuery, textKey, textValue) = (layer(form.joint), layer(form.joint), layer(form.joint))
        (textQueryNorm, textKeyNorm) = (norm(form.norms && form.joint), norm(form.norms && form.joint))
        textOut = layer(form.joint && form.textOut)
    }

    package var className: String { form.className }
    package var children: [(name: String, module: any Module)] {
        let norms: Children = [("norm_q", queryNorm), ("norm_k", keyNorm)]
        let own: Children = [("to_q", query), ("to_k", key), ("to_v", value)]
        let textNorms: Children = [("norm_added_q", textQueryNorm), ("norm_added_k", textKeyNorm)]
        let result: Children = [("to_out.0", out)]
        let textQuery: Children = [("add_q_proj", self.textQuery)]
        let textRest: Children = [("add_k_proj", textKey), ("add_v_proj", textValue)]
        let textResult: Children = [("to_add_out", textOut)]
        // Each class of the reference registers them in an order of its own.
        let all: [Children] =
            switch form.className {
            case "Attention": [norms, own, textRest, textQuery, result, textResult, textNorms]
            case "Flux2Attention": [own, norms, result, textNorms, textQuery, textRest, textResult]
            default: [norms, own, result, textNorms, textQuery, textRest, textResult]
            }
        return all.joined().compactMap { entry in entry.module.map { (entry.name, $0) } }
    }

    private typealias Children = [(name: String, module: (any Module)?)]

    /// Queries, keys and values of a stream, `[N, T, C]` each.
    typealias Projected = (query: Tensor, key: Tensor, value: Tensor)

    func project(_ x: Tensor) -> Projected {
        (queries(x), keyNorm.map { $0(key(x), heads: heads) } ?? key(x), value(x))
    }

    private func queries(_ x: Tensor) -> Tensor { queryNorm.map { $0(query(x), heads: heads) } ?? query(x) }

    func project(text: Tensor) -> Projected {
        guard let textQuery, let textKey, let textValue else { preconditionFailure("attention without a text stream") }
        return (
            textQueryNorm.map { $0(textQuery(text), heads: heads) } ?? textQuery(text),
            textKeyNorm.map { $0(textKey(text), heads: heads) } ?? textKey(text), textValue(text)
        )
    }

    /// Self-attention of one stream.
    ///
    /// - Parameters:
    ///   - x: `[N, T, C]`.
    ///   - asking: what asks it, the last Q tokens of x, where the others' results are not wanted; nil: all.
    /// - Returns: `[N, Q, C]`
    func callAsFunction(_ x: Tensor, asking: Tensor? = nil, rotary: RotaryTable? = nil) -> Tensor {
        let own = asking ?? x
        let ownRotary = rotary.map { asking == nil ? $0 : $0.last(own.shape[1]) }
        let mixed: Tensor
        if let rotary, let ownRotary, fuses, let queryNorm, let keyNorm {
            mixed = attention(
                query: ownRotary.turn([(query(own), queryNorm)], heads: heads),
                key: rotary.turn([(key(x), keyNorm)], heads: heads), value: value(x), heads: heads)
        } else {
            let keys = keyNorm.map { $0(key(x), heads: heads) } ?? key(x)
            mixed = mix((queries(own), keys, value(x)), rotary, asking: ownRotary)
        }
        return out.map { $0(mixed) } ?? mixed
    }

    /// Attention of both streams to both.
    ///
    /// - Parameters:
    ///   - x: the image's, `[N, T, C]`.
    ///   - text: `[N, S, C]`.
    ///   - rotary: of the joint sequence.
    /// - Returns: both streams' results; of a last block, the text's is without projection and unused.
    func callAsFunction(_ x: Tensor, text: Tensor, rotary: RotaryTable? = nil) -> (image: Tensor, text: Tensor) {
        guard let rotary, fuses, let queryNorm, let keyNorm, let textQueryNorm, let textKeyNorm, let textQuery,
            let textKey, let textValue
        else { return joint(image: project(x), text: project(text: text), rotary: rotary) }
        func ordered<T>(_ image: T, _ text: T) -> [T] { form.order == .textFirst ? [text, image] : [image, text] }
        let values = ordered(value(x), textValue(text))
        let mixed = attention(
            query: rotary.turn(ordered((query(x), queryNorm), (textQuery(text), textQueryNorm)), heads: heads),
            key: rotary.turn(ordered((key(x), keyNorm), (textKey(text), textKeyNorm)), heads: heads),
            value: concatenateTokens(values[0], values[1]), heads: heads)
        return results(mixed, pixels: x.shape[1], words: text.shape[1])
    }

    /// Whether norms and rotation are one pass, which trains no norm.
    private var fuses: Bool {
        [queryNorm, keyNorm, textQueryNorm, textKeyNorm].allSatisfy { $0?.weight.tensor.requiresGradient != true }
    }

    /// The same from projections that were made before: editing methods read them too.
    func joint(image: Projected, text: Projected, rotary: RotaryTable? = nil) -> (image: Tensor, text: Tensor) {
        let (pixels, words) = (image.query.shape[1], text.query.shape[1])
        let (first, second) = form.order == .textFirst ? (text, image) : (image, text)
        let mixed = mix(
            (
                concatenateTokens(first.query, second.query), concatenateTokens(first.key, second.key),
                concatenateTokens(first.value, second.value)
            ), rotary)
        return results(mixed, pixels: pixels, words: words)
    }

    private func results(_ mixed: Tensor, pixels: Int, words: Int) -> (image: Tensor, text: Tensor) {
        let isTextFirst = form.order == .textFirst
        let parts = split(mixed, tokens: isTextFirst ? words : pixels)
        let (ofImage, ofText) = isTextFirst ? (parts.rest, parts.first) : parts
        return (out.map { $0(ofImage) } ?? ofImage, textOut.map { $0(ofText) } ?? ofText)
    }

    /// - Parameter asking: of the queries, where they have not all places; nil: as the keys'.
    private func mix(_ all: Projected, _ rotary: RotaryTable?, asking: RotaryTable? = nil) -> Tensor {
        attention(
            query: (asking ?? rotary).map { $0.turn(all.query, heads: heads) } ?? all.query,
            key: rotary.map { $0.turn(all.key, heads: heads) } ?? all.key, value: all.value, heads: heads)
    }
}
