/// What a retention policy takes away from one job's checkpoints.
///
/// Rules, in this order:
/// 1. The newest training state stays, whatever the policy says; so does every deliverable of the final
///   checkpoint.
/// 2. Of the training states the newest `last` stay (2 if it says nothing).
/// 3. Deliverables go only when the job is done, since a later attempt may still have to evaluate them: with
///    `best` the best so many by the metric stay. Those that were never measured count as worst; if none was
///    measured all stay.
/// 4. While what stays is larger than `bytes`: the oldest state, then, of a job that is done, the oldest
///    deliverable that is not among the best, then the worst of the best.
package struct RetentionDecision: Equatable, Sendable {
    /// Which checkpoints lose their deliverables, and which their training states; by id.
    package var droppedDeliverables: Set<Int64> = []
    package var droppedStates: Set<Int64> = []

    package struct Candidate: Equatable, Sendable {
        package var id: Int64
        package var step: Int
        package var isFinal: Bool
        /// Bytes of its files; nil for none of the kind.
        package var deliverable: Int?
        package var state: Int?
        /// The value of the policy's metric, if it was measured.
        package var value: Double?

        package init(id: Int64, step: Int, isFinal: Bool, deliverable: Int?, state: Int?, value: Double? = nil) {
            self.id = id
            self.step = step
            self.isFinal = isFinal
            self.deliverable = deliverable
            self.state = state
            self.value = value
        }
    }

    /// States kept where a sweep says nothing.
    package static let usualStates = 2

    /// - Parameters:
    ///   - checkpoints: those that count (of attempts that were not superseded before their step), in any
    ///     order.
    ///   - isDone: the job is done: nothing will be trained or evaluated any more.
    package init(_ policy: RetentionPolicy, _ checkpoints: [Candidate], isDone: Bool) {
        let states = checkpoints.filter { $0.state != nil }.sorted { ($0.step, $0.id) > ($1.step, $1.id) }
        for old in states.dropFirst(max(1, policy.last ?? Self.usualStates)) { droppedStates.insert(old.id) }
        let deliverables = checkpoints.filter { $0.deliverable != nil && !$0.isFinal }
        let ranked = Self.ranked(deliverables, by: policy.best)
        let best = Set(ranked.prefix(max(0, policy.best?.count ?? 0)).map(\.id))
        if isDone, policy.best != nil, !ranked.isEmpty {
            droppedDeliverables = Set(deliverables.map(\.id)).subtracting(best)
        }
        guard let most = policy.bytes else { return }
        var bytes = checkpoints.reduce(0) { sum, one in
            sum + (droppedDeliverables.contains(one.id) ? 0 : one.deliverable ?? 0)
                + (droppedStates.contains(one.id) ? 0 : one.state ?? 0)
        }
        for old in states.dropFirst().reversed() where bytes > most && droppedStates.insert(old.id).inserted {
            bytes -= old.state ?? 0
        }
        guard isDone else { return }
        let others = deliverables.filter { !best.contains($0.id) }.sorted { ($0.step, $0.id) < ($1.step, $1.id) }
        let worstFirst = ranked.filter { best.contains($0.id) }.reversed()
        for one in others + worstFirst where bytes > most && droppedDeliverables.insert(one.id).inserted {
            bytes -= one.deliverable ?? 0
        }
    }

    /// Best first; empty if nothing was measured.
    private static func ranked(_ checkpoints: [Candidate], by best: RetentionPolicy.Best?) -> [Candidate] {
        guard let best, checkpoints.contains(where: { $0.value?.isFinite == true }) else { return [] }
        let info = MetricInfo.of(best.metric)
        return checkpoints.sorted { a, b in
            let (first, second) = (a.value.flatMap { $0.isNaN ? nil : $0 }, b.value.flatMap { $0.isNaN ? nil : $0 })
            switch (first, second) {
            case (let first?, let second?) where first != second: return info.prefers(first, to: second)
            case (nil, .some): return false
            case (.some, nil): return true
            default: return (a.step, a.id) > (b.step, b.id)
            }
        }
    }
}
