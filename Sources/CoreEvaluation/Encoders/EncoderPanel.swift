package import CoreDiffusion
import Foundation
package import RunSpec

/// Everything that images are measured with: the base's own pair of encoders, and what the job names. Only
/// configurations and headers are looked at until something is measured.
package struct EncoderPanel {
    /// One named encoder.
    struct Member {
        let role: EncoderRole
        let path: String
        /// Family and size.
        let family: String

        /// Of all that it says, and what stands behind the `@` of its metrics. Reads the weights once over.
        ///
        /// - Throws: `EvaluationError` or `DiffusionError` for what cannot be read.
        func identified() throws -> (name: String, content: ContentKey) {
            let content = try ContentKey.encoder(path)
            return (EncoderName.unique(family, content), content)
        }
    }

    /// `clip/` in the base's folder, or beside a base in one file.
    let own: String?
    /// In the roles' order.
    let members: [Member]
    private let tokenizer: CLIPTokenizer

    /// - Parameters:
    ///   - named: paths by role.
    ///   - tokenizer: the base's, for encoders without one of their own.
    /// - Throws: `EvaluationError` with `model` where nothing can see images or something named is not there;
    ///   `EvaluationError` or `DiffusionError` for what cannot be used.
    package init(base: String, named: [EncoderRole: String], tokenizer: CLIPTokenizer) throws {
        let isFile = try DiffusionPipeline.isSingleFile(base)
        let folder = (isFile ? URL(fileURLWithPath: base).deletingLastPathComponent().path : base) + "/clip"
        own = FileManager.default.fileExists(atPath: folder) ? folder : nil
        self.tokenizer = tokenizer
        guard own != nil || named[.clip] != nil || named[.dinov2] != nil else { throw Self.nothingSees(base) }
        if let own { _ = try CLIPEncoders(folder: own, tokenizer: tokenizer, isOwn: true) }
        var members: [Member] = []
        for role in EncoderRole.allCases {
            guard let path = named[role] else { continue }
            members.append(try Self.member(role, path, tokenizer))
        }
        self.members = members
        if let head = named[.aesthetic] { try Self.check(head: head, clip: named[.clip]) }
    }

    private static func nothingSees(_ base: String) -> EvaluationError {
        EvaluationError(
            code: .model,
            message:
                "\(base) has no encoders to measure images with (no clip/ in it), as bases from the hubs have none: "
                + "get a CLIPModel folder (openai/clip-vit-large-patch14 fits every base: config.json, "
                + "model.safetensors, tokenizer files) and name it, evaluate: {clip: DIR}; or leave out 'evaluate'")
    }

    private static func member(_ role: EncoderRole, _ path: String, _ tokenizer: CLIPTokenizer) throws -> Member {
        guard FileManager.default.fileExists(atPath: path) else {
            throw EvaluationError(
                code: .model, message: "evaluate.\(role.rawValue): nothing at \(path); correct the path")
        }
        let family: String
        switch role {
        case .clip, .pickscore, .hpsv2:
            _ = try CLIPEncoders(folder: path, tokenizer: tokenizer)
            family = EncoderName.clip(try CLIPFolder(path: path), family: role == .clip ? nil : role.rawValue)
        case .dinov2: family = EncoderName.dinov2(try Dinov2Encoder(folder: path).configuration)
        case .vgg19, .lpips, .aesthetic:
            _ = try WeightFiles.elements(path)
            family = role.rawValue
        }
        return Member(role: role, path: path, family: family)
    }

    private static func check(head: String, clip: String?) throws {
        let inputs = try AestheticHead(path: head).inputs
        let width = try clip.map { try CLIPFolder(path: $0).configuration.projectionWidth }
        guard width == inputs else {
            throw EvaluationError(
                code: .model,
                message:
                    "evaluate.aesthetic: \(head) reads image vectors of \(inputs) numbers; name the pair that makes "
                    + "them as evaluate.clip" + (width.map { " (the one named makes \($0))" } ?? ""))
        }
    }

    func member(_ role: EncoderRole) -> Member? { members.first { $0.role == role } }

    /// The encoders that make features. Plain names, which rankings use, are the base's own; those of the
    /// named pair where it has none.
    func seeing(fit: PictureFit, cache: FeatureCache?) throws -> [FeatureEncoder] {
        var all: [FeatureEncoder] = []
        if let own {
            all.append(
                FeatureEncoder(
                    try CLIPEncoders(folder: own, tokenizer: tokenizer, isOwn: true), role: nil, name: nil, fit: .crop,
                    key: try ContentKey.encoder(own), cache: cache))
        }
        if let clip = member(.clip) {
            let own = (plain: own == nil, identity: try clip.identified())
            all.append(
                FeatureEncoder(
                    try CLIPEncoders(folder: clip.path, tokenizer: tokenizer, fit: fit), role: .clip,
                    name: own.identity.name, isPlainToo: own.plain, fit: fit, key: own.identity.content, cache: cache))
        }
        if let dinov2 = member(.dinov2) {
            let (name, content) = try dinov2.identified()
            all.append(
                FeatureEncoder(
                    try Dinov2Encoder(folder: dinov2.path, fit: fit), role: .dinov2, name: name, fit: fit,
                    key: content, cache: cache))
        }
        return all
    }

    /// A pair that judges images by their prompts.
    func judge(_ role: EncoderRole) throws -> (encoders: CLIPEncoders, name: String)? {
        try member(role).map { (try CLIPEncoders(folder: $0.path, tokenizer: tokenizer), try $0.identified().name) }
    }

    /// Bytes of the largest encoder in memory, from the weights' headers.
    ///
    /// - Throws: `DiffusionError` without weights, `TensorError` for a broken file.
    package func weightBytes() throws -> Int64 {
        try (members.map(\.path) + (own.map { [$0] } ?? [])).map { try WeightFiles.elements($0) * 4 }.max() ?? 0
    }
}
