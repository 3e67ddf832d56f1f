import Glibc

/// Files that hold a token: refused where others can read them.
package enum SecretFile {
    /// The token of a file, without the line's end.
    ///
    /// - Throws: ``PortsError`` that names the file and the remedy: `permission` for one that others can
    ///   read.
    package static func read(_ path: String, files: any FileStore = DiskFiles()) throws -> String {
        guard let information = try files.information(path) else {
            throw PortsError(.notFound, "\(path): no such file")
        }
        guard !information.isFolder else { throw PortsError(.malformed, "\(path) is a folder, wanted a file") }
        guard information.mode & 0o077 == 0 else {
            let mode = String(information.mode & 0o777, radix: 8)
            throw PortsError(.permission, "\(path) can be read by others (mode \(mode)); run: chmod 600 \(path)")
        }
        // Not by its size: what a shell's <(command) hands over is a pipe.
        let bytes = try OpenFile(reading: path).readToEnd(limit: 4096)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw PortsError(.malformed, "\(path): not UTF-8 text")
        }
        let isSpace: (Character) -> Bool = { $0.isWhitespace }
        let token = String(text.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
        guard !token.isEmpty, !token.contains(where: isSpace) else {
            throw PortsError(.malformed, "\(path): wanted one line with a token, as radiata token create prints it")
        }
        return token
    }

    /// Where output goes to a file of the user's own, others are kept from reading it, so that
    /// `radiata token create > FILE` makes a file that programs then take.
    ///
    /// - Returns: whether the file's mode was changed.
    @discardableResult
    package static func narrow(output descriptor: Int32) -> Bool {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o077 != 0 else {
            return false
        }
        return fchmod(descriptor, status.st_mode & 0o700) == 0
    }
}

extension OpenFile {
    /// Reads what comes, from a file or a pipe.
    fileprivate func readToEnd(limit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: limit + 1)
        while bytes.count <= limit {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw PortsError.system("read", path) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
        throw PortsError(.tooLarge, "\(path): more than \(limit) bytes, wanted one line with a token")
    }
}
