import CoordinatorCore
import SweepLedger
import SweepWire

/// Numbers that tell states of the small world apart.
extension SmallWorld {
    /// The same for states on whose way every part has heard the same in the same order.
    var heard: UInt64 {
        var sum: UInt64 = 0
        for message in network { sum = sum &+ mix(message.id, message.answer == nil ? 1 : 2) }
        var hasher = mix(history, sum)
        for worker in workers { hasher = mix(hasher, worker.history) }
        return mix(hasher, StateHash(now: now)(budget))
    }

    /// The same for states that hold the same, whatever led there: of them one is enough.
    var content: UInt64 {
        mutating get {
            var hash = StateHash(now: now)
            for (reply, message) in open { hash.replies[reply] = message.content }
            let sum = mix(mix(queues(&hash), messages), mix(ledgerState, coreContent(hash)))
            let both = workers.indices.reduce(sum) { mix($0, workers[$1].content) }
            return mix(both, mix(hash(promises), hash(budget)))
        }
    }

    /// What is asked of the ledger and what it has answered; names the commits by their places.
    private func queues(_ hash: inout StateHash) -> UInt64 {
        // A commit that is done goes from the head of the one to the end of the other, and keeps its place.
        var place: UInt64 = 0
        var sum: UInt64 = 0
        for item in told {
            place += 1
            switch item {
            case .outcome(let id, let outcome):
                hash.commits[id.value] = place
                sum = mix(sum, mix(hash(outcome), 21))
            case .metrics(let batch, let reply, let outcome):
                sum = mix(sum, mix(hash((batch, ReplyID(reply), outcome)), 22))
            }
        }
        for item in work {
            place += 1
            switch item {
            case .command(let id, let command):
                hash.commits[id.value] = place
                sum = mix(sum, hash(command))
            case .metrics(let batch, let reply): sum = mix(sum, hash((batch, ReplyID(reply))))
            }
        }
        return sum
    }

    /// Messages under way, and requests that are not answered, in no order.
    private var messages: UInt64 {
        var sum: UInt64 = 0
        for message in network { sum = sum &+ mix(message.content, 23) }
        for message in open.values { sum = sum &+ mix(message.content, 24) }
        return sum
    }

    private mutating func coreContent(_ hash: StateHash) -> UInt64 {
        if let known = knownCore { return known }
        let fresh = hash(core)
        knownCore = fresh
        return fresh
    }
}
