import Glibc

/// Where a user's own files belong. HOME comes from the environment, so that whoever points it elsewhere (a
/// scratch disk of a cluster) finds everything there; the XDG variables move data, cache and state.
package struct UserFolders: Sendable {
    private let environment: [String: String]

    package init(environment: [String: String]) { self.environment = environment }

    /// `HOME` where it is an absolute path; the system's entry for the user otherwise.
    package var home: String {
        if let home = absolute("HOME") { return home }
        guard let entry = getpwuid(getuid()), let folder = entry.pointee.pw_dir else { return "/" }
        return String(cString: folder)
    }

    /// Ledger and blobs: `$XDG_DATA_HOME/radiata`, `~/.local/share/radiata`.
    package var data: String { (absolute("XDG_DATA_HOME") ?? home + "/.local/share") + "/radiata" }
    /// What can be made again: `$XDG_CACHE_HOME/radiata`, `~/.cache/radiata`.
    package var cache: String { (absolute("XDG_CACHE_HOME") ?? home + "/.cache") + "/radiata" }
    /// What lives as long as a process or a login: `$XDG_STATE_HOME/radiata`, `~/.local/state/radiata`.
    package var state: String { (absolute("XDG_STATE_HOME") ?? home + "/.local/state") + "/radiata" }

    /// An absolute path: `~` and `~NAME` are home folders, as shells have it.
    package func absolutePath(_ path: String, in workingDirectory: String) -> String {
        if path.hasPrefix("/") { return path }
        if path.hasPrefix("~") {
            let name = path.dropFirst().prefix { $0 != "/" }
            let rest = path.dropFirst(1 + name.count)
            if name.isEmpty { return home + rest }
            if let entry = getpwnam(String(name)), let folder = entry.pointee.pw_dir {
                return String(cString: folder) + rest
            }
        }
        return workingDirectory + "/" + path
    }

    /// The specification has relative values ignored.
    private func absolute(_ name: String) -> String? {
        guard var value = environment[name], value.hasPrefix("/") else { return nil }
        while value.count > 1, value.hasSuffix("/") { value.removeLast() }
        return value
    }
}
