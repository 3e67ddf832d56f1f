package import RunSpec

extension JobIdentity {
    /// The newest generation of the core's numerics. It grows when they change on purpose.
    package static let newestGeneration = 6

    /// Every version of the core that this program computes as the program did that brought it.
    package static let coreVersions = (1...newestGeneration).map(version)

    /// The version of the core that decides a job's result: the generation of its numerics, a point, the
    /// parameter table's version. nil where the core neither trains nor evaluates.
    ///
    /// A job's version is the oldest that gives the result of the present one, so that a mended fault changes
    /// the ids of those jobs alone that it touched. Generation 2 (version 2.1) is for
    /// - data with a picture or a caption that generation 1 read otherwise or not at all
    ///   (`InputGenerations.reading`),
    /// - an evaluation with data whose trigger or class word is guessed otherwise since, or with a base whose
    ///   scheduler file means something else since (`InputGenerations.evaluating`),
    /// - an evaluation with a guidance of at most 1, which means none since,
    /// - an evaluation of pictures that are not square (`resolution`), which encoders see otherwise since.
    ///
    /// Generation 3 (version 3.1) is for jobs that hold a share of their pictures out: earlier programs would
    /// train on all of them.
    ///
    /// Generation 4 (version 4.1) is for jobs that evaluate: earlier programs would train. It is also for
    /// jobs that go on from the training state of another: earlier programs would refuse it.
    ///
    /// Generation 5 (version 5.1) computes as generation 4. It says of a worker that it makes what jobs need
    /// before they start; no id names it.
    ///
    /// Generation 6 (version 6.1) is for jobs that edit pictures: earlier programs do not know how.
    ///
    /// - Parameter least: a generation that a worker must have for other reasons; not part of an id.
    package static func coreVersion(
        kind: JobKind = .train, trainer: TrainerSpec, evaluation: EvaluationSpec?, inputs: InputGenerations?,
        resolution: ParameterValue? = nil, goesOn: Bool = false, atLeast least: Int? = nil
    ) -> String? {
        guard trainer.isCore || evaluation != nil else { return least.map(version) }
        var generation = inputs?.reading ?? 1
        if let evaluation {
            generation = max(generation, inputs?.evaluating ?? 1)
            if evaluation.guidance <= 1 || isOblong(resolution) { generation = max(generation, 2) }
            if evaluation.holdout != nil { generation = max(generation, 3) }
        }
        if kind == .evaluate { generation = max(generation, 4) }
        if kind == .edit { generation = max(generation, 6) }
        if goesOn, trainer.isCore { generation = max(generation, 4) }
        return version(max(generation, least ?? 0))
    }

    private static func isOblong(_ resolution: ParameterValue?) -> Bool {
        guard case .list(let sides) = resolution, sides.count == 2 else { return false }
        return sides[0] != sides[1]
    }

    private static func version(_ generation: Int) -> String { "\(generation).\(ParameterTable.version)" }
}
