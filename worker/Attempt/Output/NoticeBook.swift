package import RunSpec

/// What of an attempt could not be taken so far: counted by kind, each told with its first example.
package struct NoticeBook: Sendable {
    private var notices: [AttemptNotice.Kind: AttemptNotice] = [:]
    /// Kinds whose count grew since it was last told.
    private var untold: Set<AttemptNotice.Kind> = []
    /// Kinds that came up and do not stand in the log yet.
    private var unlogged: [AttemptNotice.Kind] = []
    /// Files that were told by name, and the lines about them that do not stand in the log yet.
    private var subjects: Set<String> = []
    private var lines: [String] = []
    private static let mostSubjects = 32

    package init() {}

    /// - Parameter detail: the example and the remedy; asked for once a kind.
    package mutating func add(_ kind: AttemptNotice.Kind, count: Int = 1, _ detail: @autoclosure () -> String) {
        guard count > 0 else { return }
        untold.insert(kind)
        if notices[kind] == nil {
            let text = String(decoding: detail().utf8.prefix(AttemptNotice.detailBytes), as: UTF8.self)
            notices[kind] = AttemptNotice(kind: kind.rawValue, count: 0, detail: text)
            unlogged.append(kind)
        }
        notices[kind]?.count += count
    }

    /// The same about a file: the log names each file, up to 32.
    package mutating func add(_ kind: AttemptNotice.Kind, count: Int = 1, of subject: String, _ detail: String) {
        let isFirst = notices[kind] == nil
        add(kind, count: count, detail)
        guard subjects.count < Self.mostSubjects, subjects.insert("\(kind.rawValue) \(subject)").inserted else {
            return
        }
        if !isFirst { lines.append(String(decoding: detail.utf8.prefix(AttemptNotice.detailBytes), as: UTF8.self)) }
    }

    /// Lines for the log.
    package mutating func takeLines() -> [String] {
        defer {
            unlogged = []
            lines = []
        }
        return unlogged.compactMap { notices[$0]?.detail } + lines
    }

    /// Counts that grew, to be sent; they are of the whole attempt.
    package mutating func takeCounts() -> [AttemptNotice] {
        defer { untold = [] }
        return untold.sorted { $0.rawValue < $1.rawValue }.compactMap { notices[$0] }
    }

    package var hasUntold: Bool { !untold.isEmpty }
}
