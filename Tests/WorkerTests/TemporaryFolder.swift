import Foundation
import Ports

/// A folder of its own, removed with its last owner.
final class TemporaryFolder: Sendable {
    let path = "/tmp/radiata-worker-\(SystemRandom().hexadecimal(bytes: 6))"

    init() throws { try DiskFiles().makeFolder(path) }

    deinit { try? DiskFiles().remove(path) }

    func write(_ name: String, _ text: String, executable: Bool = false) throws -> String {
        let full = "\(path)/\(name)"
        try DiskFiles().writeAtomically(Array(text.utf8), to: full, mode: executable ? 0o755 : 0o644)
        return full
    }

    func read(_ name: String) throws -> String { try DiskFiles().readText("\(path)/\(name)") }

    func exists(_ name: String) throws -> Bool { try DiskFiles().exists("\(path)/\(name)") }
}

/// Asks again until it is true: for what another process does, which gives no event.
///
/// - Returns: false if it did not become true within `limit`.
func eventually(within limit: Duration = .seconds(30), _ condition: () async throws -> Bool) async throws -> Bool {
    let time = SystemTime()
    let end = time.monotonic() + limit
    while time.monotonic() < end {
        if try await condition() { return true }
        try await time.sleep(for: .milliseconds(20))
    }
    return try await condition()
}
