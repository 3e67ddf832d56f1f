import Foundation
import Ports

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
