import Glibc

/// A host as URLs and `Host` headers name it: an address, or a name in lower case.
package enum HostAddress: Hashable, Sendable {
    /// 4 or 16 bytes in the network's order. An IPv4 address written as IPv6 (`::ffff:127.0.0.1`) is the
    /// former.
    case address([UInt8])
    case name(String)

    /// - Returns: nil for what is neither, such as `127.1` or `0x7f.0.0.1`, which some programs take for an
    ///   address.
    package init?(_ text: String) {
        var text = text.lowercased()
        if text.hasPrefix("["), text.hasSuffix("]") {
            guard let bytes = Self.bytes(String(text.dropFirst().dropLast()), AF_INET6, 16) else { return nil }
            self = .address(Self.plain(bytes))
            return
        }
        if let bytes = Self.bytes(text, AF_INET, 4) {
            self = .address(bytes)
            return
        }
        if let bytes = Self.bytes(text, AF_INET6, 16) {
            self = .address(Self.plain(bytes))
            return
        }
        if text.hasSuffix(".") { text.removeLast() }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        let isName: (Substring) -> Bool = { label in
            !label.isEmpty && label.utf8.count <= 63
                && label.utf8.allSatisfy {
                    (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95
                }
        }
        guard text.utf8.count <= 253, labels.allSatisfy(isName), let last = labels.last, !Self.isNumber(last) else {
            return nil
        }
        self = .name(text)
    }

    /// As it is written, without brackets.
    package var text: String {
        guard case .address(var bytes) = self else {
            if case .name(let name) = self { return name }
            return ""
        }
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        guard inet_ntop(family, &bytes, &buffer, socklen_t(buffer.count)) != nil else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// As it stands in a URL, an IPv6 address in brackets.
    package var urlText: String { text.contains(":") ? "[\(text)]" : text }

    /// Whether it can only be this machine: 127.0.0.0/8, `::1`, `localhost` and what ends in `.localhost`.
    package var isLoopback: Bool {
        switch self {
        case .address(let bytes):
            bytes.count == 4 ? bytes[0] == 127 : bytes == [UInt8](repeating: 0, count: 15) + [1]
        case .name(let name): name == "localhost" || name.hasSuffix(".localhost")
        }
    }

    private static func bytes(_ text: String, _ family: Int32, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }

    /// An IPv4 address that is written as an IPv6 one is the same place.
    static func plain(_ bytes: [UInt8]) -> [UInt8] {
        bytes.count == 16 && bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 255 && bytes[11] == 255
            ? Array(bytes[12...]) : bytes
    }

    /// Browsers take a host whose last part is a number for an IPv4 address in some odd spelling.
    private static func isNumber(_ label: Substring) -> Bool {
        label.utf8.allSatisfy { (48...57).contains($0) } || label.hasPrefix("0x")
    }
}

/// `HOST` or `HOST:PORT`, as a `Host` header or a URL's authority has it.
package struct HostAndPort: Hashable, Sendable {
    package let host: HostAddress
    package let port: Int?

    package init?(_ text: String) {
        var host = Substring(text)
        var port: Int?
        if let colon = text.lastIndex(of: ":"), !text[colon...].contains("]") {
            let digits = text[text.index(after: colon)...]
            guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(digits),
                number <= 65_535
            else { return nil }
            host = text[..<colon]
            port = number
        }
        // An IPv6 address stands in brackets here: its colons would be the port's.
        guard !host.contains(":") || host.hasPrefix("["), let parsed = HostAddress(String(host)) else { return nil }
        self.host = parsed
        self.port = port
    }
}
