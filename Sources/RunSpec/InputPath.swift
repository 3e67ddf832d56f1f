/// Places of files below an input's root, as they stand in JSON, SQL and manifests.
///
/// A path of UTF-8 stands as it is. In any other one, bytes that are not UTF-8 are written `%XX`, and so is
/// `%`. A path that would read as such a one has its `%` written `%25`: every path has one text, and back.
package enum InputPath {
    /// What no trainer and no digest sees: hidden names, and litter that file managers leave in folders.
    package static func isLeftOut(_ name: String) -> Bool {
        name.utf8.first == UInt8(ascii: ".") || litter.contains(name.lowercased())
    }

    private static let litter: Set<String> = ["thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r"]

    /// The text of a path that a sweep file may name.
    package static func text(_ bytes: [UInt8]) -> String {
        if let text = String(validating: bytes, as: UTF8.self), self.bytes(text) == bytes { return text }
        let isText = String(validating: bytes, as: UTF8.self) != nil
        var result: [UInt8] = []
        for byte in bytes {
            if byte == UInt8(ascii: "%") || (byte >= 0x80 && !isText) {
                let digits = Array("0123456789ABCDEF".utf8)
                result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The path that a text stands for.
    package static func bytes(_ text: String) -> [UInt8] {
        let own = Array(text.utf8)
        let decoded = Self.decoded(own)
        guard decoded != own else { return own }
        guard let inner = String(validating: decoded, as: UTF8.self) else { return decoded }
        return bytes(inner) == decoded ? own : decoded
    }

    /// Whether it stays below the root: no empty part, `.` or `..`, also behind an escape.
    package static func isSafe(_ text: String) -> Bool {
        let slash = UInt8(ascii: "/")
        let bytes = bytes(text)
        guard text.utf8.count <= 4096, !bytes.contains(0),
            bytes.count(where: { $0 == slash }) == text.utf8.count(where: { $0 == slash })
        else { return false }
        return bytes.split(separator: slash, omittingEmptySubsequences: false).allSatisfy { part in
            !part.isEmpty && !part.elementsEqual(".".utf8) && !part.elementsEqual("..".utf8)
        }
    }

    private static func decoded(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let value = UInt8(String(decoding: bytes[(index + 1)...(index + 2)], as: UTF8.self), radix: 16),
                bytes[index + 1] != UInt8(ascii: "+"), bytes[index + 1] != UInt8(ascii: "-")
            {
                result.append(value)
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return result
    }
}
