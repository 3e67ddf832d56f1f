import Foundation
package import Ports

/// How a machine joins a coordinator again and again: the addresses, the authority and a token of its own. A
/// file that only its user can read.
///
/// A worker keeps one in its work folder; a coordinator whose address is not known beforehand writes one into
/// a folder that its workers share (a job of a cluster).
package struct JoinFile: Codable, Equatable, Sendable {
    package var version = 1
    /// Those first that are likeliest to be reached.
    package var addresses: [String]
    /// The authority's certificate (PEM): the coordinator is known by it, whatever name it is called by. nil
    /// for the system's authorities.
    package var authority: String?
    package var token: String
    /// Which invitation it was made of (SHA-256), and whether the coordinator knows the token already.
    package var invitation: String?
    package var isEnrolled: Bool?

    package init(addresses: [String], authority: String?, token: String) {
        self.addresses = addresses
        self.authority = authority
        self.token = token
    }

    private static let most = 64 << 10

    /// - Throws: `PortsError` for a file that is not there, that others can read, or that is none.
    package static func read(_ path: String, files: any FileStore = DiskFiles()) throws -> JoinFile {
        guard let information = try files.information(path) else {
            throw PortsError(.notFound, "\(path): no such file")
        }
        guard information.mode & 0o077 == 0 else {
            throw PortsError(.permission, "\(path) can be read by others; run: chmod 600 \(path)")
        }
        let bytes = try files.read(path, limit: most)
        do {
            let file = try JSONDecoder().decode(JoinFile.self, from: Data(bytes))
            guard file.version == 1, !file.addresses.isEmpty else {
                throw PortsError(.malformed, "\(path): version \(file.version) is of a newer radiata; update this one")
            }
            return file
        } catch is DecodingError {
            throw PortsError(
                .malformed, "\(path): not a file of `radiata worker run INVITE`; remove it and give a new invitation")
        }
    }

    package func write(to path: String, files: any FileStore = DiskFiles()) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        try files.writeAtomically(Array(try encoder.encode(self)), to: path, mode: 0o600)
    }
}
