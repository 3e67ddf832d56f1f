/// What a job may name to measure images with, besides the base's own encoders; the raw value is its key
/// under `evaluate`.
package enum EncoderRole: String, CaseIterable, Codable, CodingKeyRepresentable, Hashable, Sendable {
    /// A pair for images and texts, in transformers' or OpenCLIP's files.
    case clip
    /// An image encoder that learnt without labels.
    case dinov2
    /// Style, as Gram matrices.
    case vgg19
    /// How different two pictures look.
    case lpips
    /// CLIP pairs that were tuned on people's choices.
    case pickscore, hpsv2
    /// A head on the image vectors of `clip`.
    case aesthetic
}

/// How a picture that is not square becomes what an encoder sees.
package enum PictureFit: String, CaseIterable, Codable, Sendable {
    /// As the encoder's own library prepares it: the shorter side resized, the centre cut out.
    case crop
    /// Squeezed to a square.
    case resize
    /// Whole, with black beside it.
    case pad
}
