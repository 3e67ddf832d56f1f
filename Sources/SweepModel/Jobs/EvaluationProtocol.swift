package import RunSpec

/// How checkpoints are measured, with the encoders that a sweep file names: what a training does not depend
/// on.
package struct EvaluationProtocol: Codable, Equatable, Sendable {
    package var evaluation: EvaluationSpec?
    package var encoders: [EncoderRole: ResolvedInput]

    package init(_ job: ResolvedJob) {
        evaluation = job.evaluation
        encoders = job.encoders
    }

    /// Whether both measure the same, wherever their encoders lay.
    package func measures(like other: EvaluationProtocol) -> Bool {
        evaluation == other.evaluation && encoders.mapValues(\.digest) == other.encoders.mapValues(\.digest)
    }
}

extension EvaluationSpec {
    /// Whether both draw pictures that differ for the same prompts: then a figure of one never stands for
    /// that of the other.
    package func draws(unlike other: EvaluationSpec) -> Bool {
        images != other.images || sampler != other.sampler || steps != other.steps || guidance != other.guidance
            || (promptSet ?? .plain) != (other.promptSet ?? .plain)
            || (imageGuidance ?? Self.usualImageGuidance) != (other.imageGuidance ?? Self.usualImageGuidance)
    }
}
