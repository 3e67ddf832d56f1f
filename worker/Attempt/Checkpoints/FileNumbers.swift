import Foundation
import Glibc
import Ports
import RunSpec
package import SweepModel

/// Numbers that a trainer writes into its checkpoints.
package enum FileNumbers {
    /// Most bytes of a header or of a JSON file that are read.
    private static let most = 64 << 20

    /// - Parameter path: a safetensors file, or a folder with a JSON file.
    /// - Returns: nil where there is none, whatever the reason.
    package static func number(_ field: CommandTrainer.NumberField, in path: BytePath) -> Double? {
        do {
            var path = path
            if let beside = field.beside, beside.count == 2 {
                guard let other = path.beside(beside[0], beside[1]) else { return nil }
                path = other
            }
            if let file = field.file {
                let held = try path.appending(Array(file.utf8)).openRegular()
                let bytes = try DiskFiles().read(held.path, limit: most)
                return number(field.key, in: try JSONSerialization.jsonObject(with: Data(bytes)))
            }
            return try header(field.key, of: path)
        } catch {
            // A file that cannot be read tells nothing; what the name or the log tells counts then.
            return nil
        }
    }

    /// A number in the header of a safetensors file; nil where there is none.
    ///
    /// - Throws: for a file that is none.
    static func header(_ key: String, of path: BytePath) throws -> Double? {
        number(key, in: try metadata(of: path))
    }

    private static func metadata(of path: BytePath) throws -> Any {
        (try header(of: path).header as? [String: Any])?["__metadata__"] ?? [:]
    }

    /// Of a safetensors file: eight bytes that say how long it is, then JSON.
    private static func header(of path: BytePath) throws -> (header: Any, length: Int) {
        let held = try path.openRegular()
        let file = try OpenFile(reading: held.path)
        let head = try file.read(8, at: 0)
        guard head.count == 8 else { throw PortsError(.malformed, "\(path): no safetensors file") }
        let length = head.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(most) else { throw PortsError(.malformed, "\(path): no safetensors file") }
        return (try JSONSerialization.jsonObject(with: Data(try file.read(Int(length), at: 8))), Int(length))
    }

    /// Whether a file is written to its end: a safetensors file as long as its header says, an archive (what
    /// torch saves) with its directory behind. Such files are written from front to back.
    ///
    /// - Returns: nil for another kind of file, which does not tell.
    package static func isWhole(_ path: BytePath) -> Bool? {
        do {
            let held = try path.openRegular()
            let file = try OpenFile(reading: held.path)
            if try file.read(4, at: 0) == Array("PK\u{3}\u{4}".utf8) {
                guard let size = path.status()?.st_size, size >= 26 else { return false }
                return try file.read(4, at: Int64(size) - 22) == Array("PK\u{5}\u{6}".utf8)
            }
            guard path.beside(".safetensors", "") != nil else { return nil }
            let found = try Self.header(of: path)
            let ends = (found.header as? [String: Any] ?? [:]).values.compactMap { tensor in
                ((tensor as? [String: Any])?["data_offsets"] as? [NSNumber])?.last?.int64Value
            }
            guard let size = path.status()?.st_size else { return false }
            return Int64(size) == 8 + Int64(found.length) + (ends.max() ?? 0)
        } catch {
            // Half a header is no header.
            return false
        }
    }

    /// Dots lead inwards, also into text that is JSON itself.
    private static func number(_ key: String, in object: Any) -> Double? {
        var value: Any = object
        for part in key.split(separator: ".") {
            // Any other text has nothing inside: the next part is not found in it.
            if let text = value as? String, let inner = try? JSONSerialization.jsonObject(with: Data(text.utf8)) {
                value = inner
            }
            guard let next = (value as? [String: Any])?[String(part)] else { return nil }
            value = next
        }
        if let text = value as? String { return Double(text) }
        return (value as? NSNumber)?.doubleValue
    }
}

extension DonePlan {
    /// Whether it is there, and what is missing.
    ///
    /// - Parameters:
    ///   - step: the largest that was logged or saved.
    ///   - epoch: the largest of a checkpoint.
    package func look(step: Int = 0, epoch: Int = 0) -> (isThere: Bool, missing: String) {
        let file = lookAtFile()
        guard file.isThere else { return file }
        for (what, reached, wanted) in [("step", step, self.step), ("epoch", epoch, self.epoch)] {
            if let wanted, Double(reached) < wanted {
                return (false, "came to \(what) \(reached) of \(CommandTrainer.plain(wanted))")
            }
        }
        return file
    }

    private func lookAtFile() -> (isThere: Bool, missing: String) {
        let found = PathPattern.matches(file).filter { $0.status()?.isRegular == true }
        guard let last = found.last else {
            return (false, "left no \(file.split(separator: "/").last ?? "final file")")
        }
        guard let header, let target else { return (true, "") }
        do {
            // One that was saved without it says nothing against the file.
            guard let number = try FileNumbers.header(header, of: last), number < target else { return (true, "") }
            return (
                false,
                "its \(last.name.text) says \(header) \(CommandTrainer.plain(number)) of \(CommandTrainer.plain(target))"
            )
        } catch {
            return (false, "its \(last.name.text) cannot be read: \(error)")
        }
    }
}

extension [UInt8] {
    /// A file's name as a message shows it.
    fileprivate var text: String { FileName.text(self) }
}

extension CommandTrainer {
    /// `5`, not `5.0`.
    fileprivate static func plain(_ number: Double) -> String {
        number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : "\(number)"
    }
}
