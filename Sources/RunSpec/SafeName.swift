/// Names that strangers give and that become paths: letters, digits, `.`, `_`, `-`, at most 128 bytes, no
/// leading dot.
package enum SafeName {
    /// Whether a text is one such name.
    package static func isName(_ name: some StringProtocol) -> Bool {
        guard (1...128).contains(name.utf8.count), !name.hasPrefix(".") else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }

    /// A relative path of such names, at most 1,024 bytes.
    package static func isPath(_ path: String) -> Bool {
        path.utf8.count <= 1024
            && path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { isName($0) }
    }
}
