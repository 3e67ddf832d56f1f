import Foundation
import Glibc

/// Tokens of the coordinators that run on this machine as this user, one file for each: `MACHINE-PORT.token`.
///
/// Only the user can read them, so whoever finds one here may do what the coordinator's own user may. Homes
/// are shared on clusters, hence the machine in the name.
package struct CoordinatorRegistry: Sendable, Equatable {
    package let folder: String
    /// Twelve hex digits.
    package let machine: String

    package init(folder: String, machine: String) {
        self.folder = folder
        self.machine = machine
    }

    /// `$XDG_STATE_HOME/radiata/coordinators`, by default under `~/.local/state`.
    ///
    /// - Returns: nil where there is neither a home nor a number of the machine.
    package static func ofThisUser(
        _ environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> CoordinatorRegistry? {
        guard let state = stateFolder(environment), let machine = machineNumber() else { return nil }
        return CoordinatorRegistry(folder: state + "/radiata/coordinators", machine: machine)
    }

    private static func stateFolder(_ environment: [String: String]) -> String? {
        // A relative path is to be ignored (XDG Base Directory Specification).
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return state }
        if let home = environment["HOME"], home.hasPrefix("/") { return home + "/.local/state" }
        guard let entry = getpwuid(geteuid()), let home = entry.pointee.pw_dir else { return nil }
        let path = String(cString: home)
        return path.hasPrefix("/") ? path + "/.local/state" : nil
    }

    /// First digits of the machine's id, else of this start's.
    private static func machineNumber() -> String? {
        for file in ["/etc/machine-id", "/proc/sys/kernel/random/boot_id"] {
            guard let data = FileManager.default.contents(atPath: file) else { continue }
            let digits = String(decoding: data.prefix(64), as: UTF8.self).lowercased().filter { $0 != "-" }.prefix(12)
            if digits.utf8.count == 12, digits.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) {
                return String(digits)
            }
        }
        return nil
    }

    package func path(port: Int) -> String { "\(folder)/\(machine)-\(port).token" }

    /// The certificate of the authority of a coordinator that speaks TLS by one of its own.
    private func authorityPath(port: Int) -> String { "\(folder)/\(machine)-\(port).pem" }

    /// Puts a coordinator's token, and its authority's certificate, where commands of its user find them.
    package func publish(
        _ token: String, authority: String? = nil, port: Int, files: any FileStore = DiskFiles()
    ) throws {
        try files.makeFolder(folder, mode: 0o700)
        guard chmod(folder, 0o700) == 0 else { throw PortsError.system("keep others from", folder) }
        if let authority {
            try files.writeAtomically(Array(authority.utf8), to: authorityPath(port: port), mode: 0o600)
        } else {
            try files.remove(authorityPath(port: port))
        }
        try files.writeAtomically(Array((token + "\n").utf8), to: path(port: port), mode: 0o600)
    }

    /// The authority (PEM) of this user's own coordinator at a port of this machine; nil where there is none.
    package func authority(port: Int) -> String? {
        let path = authorityPath(port: port)
        let files = DiskFiles()
        do {
            guard let information = try files.information(path), information.owner == geteuid() else { return nil }
            return try files.readText(path, limit: 64 << 10)
        } catch {
            return nil  // its coordinator has just ended, or it is nobody's
        }
    }

    /// Takes the token away again, unless another coordinator has taken the port meanwhile.
    package func withdraw(_ token: String, port: Int, files: any FileStore = DiskFiles()) throws {
        guard try self.token(port: port) == token else { return }
        try files.remove(path(port: port))
        try files.remove(authorityPath(port: port))
    }

    /// The token that was put there for a port; nil if there is none.
    ///
    /// - Throws: `PortsError` for a file that others can read.
    package func token(port: Int) throws -> String? {
        let path = path(port: port)
        guard let information = try DiskFiles().information(path) else { return nil }
        guard information.owner == geteuid() else {
            throw PortsError(.permission, "\(path) belongs to another user; remove it")
        }
        do {
            return try SecretFile.read(path)
        } catch let error as PortsError where error.code == .notFound {
            return nil  // its coordinator has just ended
        }
    }
}
