/// The paths of the page for people, beside the contract's.
enum DashboardPath {
    static let page = "/"
    static let asset = "/assets/{name}"
    static let library = "/libraries/{name}"
    static let open = "/open"
    static let login = "/login"
    static let logout = "/logout"
    static let download = "/download"

    /// Answered without a token: they hold nothing of the ledger, or ask for a secret of their own.
    static let free = [
        (page, "GET"), (asset, "GET"), (library, "GET"), (open, "GET"), (login, "GET"), (login, "POST"),
        (logout, "POST"), (download, "GET"),
    ]

    /// The page's own calls. They are no part of the contract: the page comes with the program.
    enum Call: String, CaseIterable {
        case start, sweeps, sweep, shape, jobs, points, curves, measured, ranking, importance, pictures, picture,
            settings,
            live
        case votes, vote, act, link, verdict, usage

        var path: String { "/page/\(rawValue)" }
        var isPost: Bool { [.vote, .act, .link].contains(self) }
    }

    /// What the coordinator says of itself to monitoring.
    static let metrics = "/metrics"

    static let all =
        free + [(metrics, "GET")] + Call.allCases.map { ($0.path, $0.isPost ? "POST" : "GET") }

    /// Whether a path is one of ``free``.
    static func isFree(_ path: some StringProtocol) -> Bool {
        let segments = path.split(separator: "/")
        return free.contains { entry in
            let wanted = entry.0.split(separator: "/")
            return wanted.count == segments.count
                && zip(wanted, segments).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
        }
    }
}
