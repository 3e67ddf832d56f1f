import Ports
import SweepWire
import Synchronization

/// Where the coordinator may be. The next address is tried where one does not answer, and a join file is read
/// again: its coordinator may have moved to another machine.
final class CoordinatorPlaces: Sendable {
    struct Place: Equatable, Sendable {
        var address: String
        var trust: TrustedAuthorities
        var token: String?
    }

    private let state: Mutex<(all: [Place], current: Int)>
    private let joinFile: String?

    init(_ configuration: ClientConfiguration) {
        joinFile = configuration.joinFile
        let all = ([configuration.coordinator] + configuration.otherAddresses).map {
            Place(address: $0, trust: configuration.trust, token: configuration.token)
        }
        state = Mutex((all, 0))
    }

    var current: Place { state.withLock { $0.all[$0.current] } }

    /// Nobody answered there, or somebody else did.
    func failed(_ place: Place) {
        let moved = joinFile.flatMap(Self.read)
        state.withLock { state in
            if let moved, moved != state.all {
                state = (moved, 0)
            } else if state.all[state.current] == place {
                state.current = (state.current + 1) % state.all.count
            }
        }
    }

    /// nil for a file that says nothing new: one that is just being written, or is gone.
    private static func read(_ path: String) -> [Place]? {
        guard let file = try? JoinFile.read(path),  // it was readable at the start; the old places are kept
            let configurations = try? file.addresses.map({
                try ClientConfiguration(coordinator: $0, token: file.token)
            }), !configurations.isEmpty
        else { return nil }
        return configurations.map {
            Place(
                address: $0.coordinator, trust: file.authority.map { .pinned($0) } ?? .system, token: $0.token)
        }
    }
}
