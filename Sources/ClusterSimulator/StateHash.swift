import CoordinatorCore
import CoordinatorOperations
import Ports
import SweepModel
import SweepWire

/// A number for everything a value holds, read by reflection so that no field can be forgotten. What differs
/// between states that behave alike is written in one way: times count from now, numbers of answers and
/// commits are those of what waits for them, what lies in no order is summed.
struct StateHash {
    /// What times are measured from.
    let now: MonotonicTime
    /// What waits for an answer, by the answer's number.
    var replies: [UInt64: UInt64] = [:]
    /// Place of a commit among those under way, by its number.
    var commits: [UInt64: UInt64] = [:]
    /// Newest values of the counters that orders and stamps come from.
    var last: [String: UInt64] = [:]

    /// Settings never change; counters only number what comes next; one only spares ticks that find nothing.
    private static let passedOver: Set<String> = [
        "settings", "random", "lastCommit", "lastOrder", "lastStamp", "nextSilence",
    ]
    private static let counters = ["order": "lastOrder", "stamp": "lastStamp"]

    func callAsFunction(_ value: Any) -> UInt64 {
        switch value {
        case let value as String: Self.of(value)
        case let value as UInt64: mix(value, 1)
        case let value as Int: mix(UInt64(bitPattern: Int64(value)), 2)
        case let value as Int64: mix(UInt64(bitPattern: value), 3)
        case let value as Bool: value ? 4 : 5
        case let value as MonotonicTime: mix(UInt64(bitPattern: value.nanoseconds &- now.nanoseconds), 6)
        case let value as ReplyID: mix(replies[value.value] ?? 0, 7)
        case let value as CommitID: mix(commits[value.value] ?? 0, 8)
        case let value as AttemptToken: mix(UInt64(bitPattern: Int64(value.hashValue)), 13)
        case let value as SessionID: Self.of(value.rawValue)
        // A session registers once, always with the same words.
        case let value as RegisterRequest: mix(Self.of(value.session.rawValue), 14)
        default: composite(value)
        }
    }

    private func composite(_ value: Any) -> UInt64 {
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .dictionary, .set: return mirror.children.reduce(9) { $0 &+ mix(self($1.value), 9) }
        case .collection, .optional, .tuple: return mirror.children.reduce(10) { mix($0, self($1.value)) }
        case .none, .some:
            // An enumeration's case without a value, a number of another size.
            if mirror.children.isEmpty { return Self.of("\(value)") }
            return fields(mirror)
        }
    }

    private func fields(_ mirror: Mirror) -> UInt64 {
        var inner = self
        let children = Array(mirror.children)
        for child in children {
            guard let label = child.label, label.hasPrefix("last"), Self.passedOver.contains(label) else { continue }
            if let counter = child.value as? UInt64 { inner.last[label] = counter }
        }
        var sum: UInt64 = 11
        for child in children {
            let label = child.label ?? ""
            if Self.passedOver.contains(label) { continue }
            // A case's name says which it is; fields always come in the same order.
            if children.count == 1 { sum = mix(sum, Self.of(label)) }
            if let counter = Self.counters[label], let value = child.value as? UInt64 {
                sum = mix(sum, (inner.last[counter] ?? 0) &- value)
            } else {
                sum = mix(sum, inner(child.value))
            }
        }
        return sum
    }

    private static func of(_ text: String) -> UInt64 {
        var sum: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return mix(sum, 12)
    }
}
