import Glibc

/// Where a coordinator listens, as `HOST:PORT` on the command line; an IPv6 address stands in brackets.
package struct ListenAddress: Equatable, Sendable {
    /// Without brackets.
    package let host: String
    /// 0 lets the system choose.
    package let port: Int

    /// What was wanted, with the forms that are taken.
    package struct Refusal: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    package init(_ text: String) throws(Refusal) {
        guard let colon = text.lastIndex(of: ":") else {
            throw Self.refusal(text, Self.isPort(text) ? "which host? Write 127.0.0.1:\(text)" : "the port is missing")
        }
        let port = String(text[text.index(after: colon)...])
        var host = String(text[..<colon])
        if text.hasSuffix("]") || Self.isIPv6(text) && !Self.isIPv6(host) {
            throw Self.refusal(text, "the port is missing")
        }
        guard Self.isPort(port), let number = Int(port) else {
            throw Self.refusal(text, "'\(port)' is no port, a number from 0 to 65535")
        }
        if host.isEmpty { throw Self.refusal(text, "which host? Write 127.0.0.1:\(port)") }
        if host.hasPrefix("[") {
            host = String(host.dropFirst())
            guard host.last == "]", Self.isIPv6(String(host.dropLast())) else {
                throw Self.refusal(text, "brackets are for an IPv6 address such as [::1]")
            }
            host.removeLast()
        } else if host.contains(":"), !Self.isIPv6(host) {
            throw Self.refusal(text, "'\(host)' is no host; an IPv6 address stands in brackets")
        } else if !host.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "/") }) {
            throw Self.refusal(text, "'\(host)' is no host")
        }
        self.host = host
        self.port = number
    }

    private static func refusal(_ text: String, _ reason: String) -> Refusal {
        Refusal(
            description: "--listen \(text): \(reason); wanted HOST:PORT, for example 127.0.0.1:7070, [::1]:7070, "
                + "localhost:7070 or 0.0.0.0:7070")
    }

    private static func isPort(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 5 && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
            && (Int(text) ?? .max) <= 65535
    }

    /// An address, with its zone (`fe80::1%eth0`) or without.
    private static func isIPv6(_ text: String) -> Bool {
        var address = in6_addr()
        let plain = text.prefix { $0 != "%" }
        return plain.contains(":") && inet_pton(AF_INET6, String(plain), &address) == 1
    }
}
