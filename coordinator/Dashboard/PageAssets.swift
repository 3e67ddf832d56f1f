import Foundation
import Ports

/// The files of the page for people: the project's own, which are in the program, and two libraries, which
/// stay where Debian's packages put them.
struct PageAssets: Sendable {
    struct File: Sendable, Equatable {
        var type: String
        var bytes: Data
        /// Names its content.
        var tag: String

        init(_ name: String, _ bytes: Data) {
            type = Self.type(of: name)
            self.bytes = bytes
            tag = "\"\(ContentDigest.of(bytes).text.prefix(16))\""
        }

        private static func type(of name: String) -> String {
            if name.hasSuffix(".js") { return "text/javascript; charset=utf-8" }
            if name.hasSuffix(".css") { return "text/css; charset=utf-8" }
            return name.hasSuffix(".svg") ? "image/svg+xml" : "text/html; charset=utf-8"
        }
    }

    /// A library that is not ours.
    struct Library: Sendable {
        let file: String
        let folder: String
        let package: String
    }

    static let libraries = [
        Library(file: "dygraph.min.js", folder: "dygraphs", package: "libjs-dygraphs"),
        Library(file: "d3.min.js", folder: "d3", package: "libjs-d3"),
    ]

    private let own: [String: File]
    /// For who works on the page: files of this folder come before those in the program.
    private let folder: String?
    private let found: [String: File]

    /// - Parameter environment: `RADIATA_DASHBOARD` names that folder.
    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        folder = environment["RADIATA_DASHBOARD"]
        own = Dictionary(Self.embedded.map { ($0.0, File($0.0, Data($0.1))) }) { first, _ in first }
        found = Dictionary(
            Self.libraries.compactMap { library in
                Self.folders().lazy.map { "\($0)/\(library.folder)/\(library.file)" }
                    .compactMap { FileManager.default.contents(atPath: $0) }.first
                    .map { (library.file, File(library.file, $0)) }
            }
        ) { first, _ in first }
    }

    /// Beside the program (`make dist`), then the system's.
    private static func folders() -> [String] {
        let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let beside = program.map { URL(filePath: $0).deletingLastPathComponent().path + "/share/javascript" }
        return [beside, "/usr/share/javascript"].compactMap { $0 }
    }

    private static let embedded: [(String, [UInt8])] = [
        ("index.html", PackageResources.index_html), ("style.css", PackageResources.style_css),
        ("views.css", PackageResources.views_css), ("icon.svg", PackageResources.icon_svg),
        ("app.js", PackageResources.app_js), ("api.js", PackageResources.api_js), ("dom.js", PackageResources.dom_js),
        ("welcome.js", PackageResources.welcome_js), ("actions.js", PackageResources.actions_js),
        ("sweeps.js", PackageResources.sweeps_js), ("sweep.js", PackageResources.sweep_js),
        ("table.js", PackageResources.table_js), ("curves.js", PackageResources.curves_js),
        ("compare.js", PackageResources.compare_js), ("plots.js", PackageResources.plots_js),
        ("ranking.js", PackageResources.ranking_js), ("images.js", PackageResources.images_js),
        ("votes.js", PackageResources.votes_js), ("job.js", PackageResources.job_js),
        ("workers.js", PackageResources.workers_js),
    ]

    /// - Returns: nil for a name that is none of the page's files.
    func file(_ name: String) -> File? {
        guard let own = own[name] else { return nil }
        guard let folder, let bytes = FileManager.default.contents(atPath: "\(folder)/\(name)") else { return own }
        return File(name, bytes)
    }

    func library(_ name: String) -> File? { found[name] }

    /// Packages whose library is not here.
    var missing: [String] { Self.libraries.filter { found[$0.file] == nil }.map(\.package) }
}
