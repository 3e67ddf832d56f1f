import Foundation
import Glibc
import Ports

/// Results for people: a regular file is written whole or not at all; `-`, devices and pipes get the bytes as
/// they come.
enum OutputFile {
    static func write(_ data: Data, to path: String) throws {
        if path == "-" { return Console.write(data) }
        do {
            if try isStream(path) { return try stream(data, to: path) }
            // Through a link the file is written, the link stays.
            let target = URL(filePath: path).resolvingSymlinksInPath().path
            try DiskFiles().writeAtomically(Array(data), to: target)
        } catch let error as PortsError {
            throw CommandFailure(.failed, "\(path): \(error.message); give another file with -o")
        }
    }

    /// Something that is there and is neither file nor folder: a temporary file beside it would take its
    /// place.
    private static func isStream(_ path: String) throws -> Bool {
        var place = path
        for _ in 0..<16 {
            // Open descriptors are links to names that are no paths: `pipe:[4711]`.
            if place.hasPrefix("/proc/"), place.contains("/fd/") { return true }
            guard FileManager.default.fileExists(atPath: place),
                let kind = try FileManager.default.attributesOfItem(atPath: place)[.type] as? FileAttributeType
            else { return false }
            switch kind {
            case .typeRegular: return false
            case .typeDirectory: throw PortsError(.malformed, "cannot write \(path): it is a folder, wanted a file")
            case .typeSymbolicLink:
                let target = try FileManager.default.destinationOfSymbolicLink(atPath: place)
                place = target.hasPrefix("/") ? target : DiskFiles.parent(of: place) + "/" + target
            default: return true
            }
        }
        return false
    }

    private static func stream(_ data: Data, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw PortsError.system("write", path) }
        defer { close(descriptor) }
        var failure: StandardStream.Failure?
        data.withUnsafeBytes { bytes in
            do throws(StandardStream.Failure) {
                try StandardStream.write(bytes, to: descriptor)
            } catch {
                failure = error
            }
        }
        // A reader that has gone has seen enough, as on standard output.
        if case .system(let number) = failure { throw PortsError.system("write", path, number: number) }
    }
}
