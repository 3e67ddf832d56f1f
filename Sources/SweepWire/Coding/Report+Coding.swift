package import SweepModel

/// Beside the token one key that names the body: `{"token": …, "finished": {…}}`.
extension Report: Codable {
    private enum CodingKeys: String, CodingKey {
        case token, checkpoint, evaluations, artifacts, log, finished, failed, released
    }

    /// - Throws: `WireError` `badRequest` where no body is there; `DecodingError` for a field that is not as
    ///   it should be.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let token = try container.decode(AttemptToken.self, forKey: .token)
        guard let kind = container.allKeys.first(where: { $0 != .token }) else {
            throw WireError(
                .badRequest, "a report has none of checkpoint, evaluations, artifacts, log, finished, failed, released")
        }
        let body: Body =
            switch kind {
            case .checkpoint: .checkpoint(try container.decode(CheckpointReport.self, forKey: kind))
            case .evaluations: .evaluations(try container.decode(EvaluationReport.self, forKey: kind))
            case .artifacts: .artifacts(try container.decode(ArtifactReport.self, forKey: kind))
            case .log: .log(try container.decode(LogReport.self, forKey: kind))
            case .finished: .finished(try container.decode(FinishReport.self, forKey: kind))
            case .failed: .failed(try container.decode(FailureReport.self, forKey: kind))
            case .token, .released: .released(try container.decode(ReleaseReport.self, forKey: .released))
            }
        self.init(token: token, body)
    }

    /// - Throws: `EncodingError`.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(token, forKey: .token)
        switch body {
        case .checkpoint(let value): try container.encode(value, forKey: .checkpoint)
        case .evaluations(let value): try container.encode(value, forKey: .evaluations)
        case .artifacts(let value): try container.encode(value, forKey: .artifacts)
        case .log(let value): try container.encode(value, forKey: .log)
        case .finished(let value): try container.encode(value, forKey: .finished)
        case .failed(let value): try container.encode(value, forKey: .failed)
        case .released(let value): try container.encode(value, forKey: .released)
        }
    }
}
