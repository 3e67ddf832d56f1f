import Hummingbird

/// Where a proxy before the coordinator serves it. Some proxies leave it in the request's path, others take
/// it away: both are served.
struct BasePath: Sendable, Equatable {
    static let root = BasePath(checked: "")

    /// Begins with a slash and ends without one; empty for the root.
    let text: String

    private init(checked: String) { text = checked }

    /// - Returns: nil for what is no such path.
    init?(_ given: String) {
        let trimmed = given.hasSuffix("/") ? String(given.dropLast()) : given
        guard !trimmed.isEmpty else {
            text = ""
            return
        }
        let segments = trimmed.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        let isGood = segments.allSatisfy { segment in
            !segment.isEmpty && segment != "." && segment != ".."
                && segment.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-._~".contains($0)) }
        }
        guard trimmed.hasPrefix("/"), trimmed.utf8.count <= 256, isGood else { return nil }
        text = trimmed
    }

    /// Whether a path is this one, and no more.
    func isBare(_ path: String) -> Bool { !text.isEmpty && path == text }

    /// A request's target as it is without this path.
    func stripped(_ target: String) -> String {
        guard !text.isEmpty, target.hasPrefix(text + "/") else { return target }
        return String(target.dropFirst(text.count))
    }

    func stripped(_ request: Request) -> Request {
        guard !text.isEmpty, let target = request.head.path, target.hasPrefix(text + "/") else { return request }
        var head = request.head
        head.path = stripped(target)
        return Request(head: head, body: request.body)
    }
}
