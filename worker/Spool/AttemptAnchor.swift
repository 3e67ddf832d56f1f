package import Ports
import Synchronization

/// Makes an attempt's folder and the grant in it durable, once, before the first thing in its spool that must
/// outlast a power cut: without its grant the spool would be thrown away. An attempt that makes nothing such
/// costs no sync; after a power cut it is as if it had never begun, and the coordinator gives it out again.
package final class AttemptAnchor: Sendable {
    private let folder: String
    private let grant: String
    private let files: any FileStore
    private let held = Mutex(false)

    package init(folder: String, grant: String, files: any FileStore) {
        self.folder = folder
        self.grant = grant
        self.files = files
    }

    package var isHeld: Bool { held.withLock { $0 } }

    package func hold() throws {
        try held.withLock { held in
            guard !held else { return }
            // One of which nothing but its number is left has none.
            if try files.exists(grant) { try files.open(reading: grant).synchronize() }
            try files.synchronizeFolder(folder)
            // The spool's own syncs begin at its folder.
            try files.synchronizeFolder(DiskFiles.parent(of: folder))
            held = true
        }
    }
}
