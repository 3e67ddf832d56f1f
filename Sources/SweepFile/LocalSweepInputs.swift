package import Ports
package import SweepModel

/// Looks things up in the file system: first beside the sweep file, then in the working directory.
package struct LocalSweepInputs: SweepInputs {
    private let sweepFolder: String
    private let workingDirectory: String
    private let files: any FileStore
    private let digest: (String) throws -> ContentDigest

    /// - Parameters:
    ///   - sweepFile: absolute, or relative to the working directory.
    ///   - workingDirectory: absolute.
    ///   - digest: of the file or folder at an absolute path (`TreeDigest`).
    package init(
        sweepFile: String, workingDirectory: String, files: any FileStore = DiskFiles(),
        digest: @escaping (String) throws -> ContentDigest
    ) {
        let absolute = Self.absolute(sweepFile, in: workingDirectory)
        sweepFolder = absolute.lastIndex(of: "/").map { String(absolute[..<$0]) } ?? workingDirectory
        self.workingDirectory = workingDirectory
        self.files = files
        self.digest = digest
    }

    package func file(_ path: String, besides folder: String?) throws -> FileLookup {
        try lookup(places(path, besides: folder))
    }

    package func profile(_ name: String) throws -> FileLookup {
        let isPath = name.contains("/") || name.hasSuffix(".yaml") || name.hasSuffix(".yml")
        let own = isPath ? places(name, besides: nil) : places("worker/profiles/\(name).yaml", besides: nil)
        let found = try lookup(own)
        if case .missing(let searched) = found, let embedded = EmbeddedProfiles.all[name] {
            _ = searched
            return .found(ResolvedFile(path: "\(name).yaml", text: embedded))
        }
        return found
    }

    package func input(_ path: String) throws -> InputReference {
        let searched = places(path, besides: nil)
        for place in searched where try files.exists(place) {
            return InputReference(written: path, path: place, digest: try digest(place), searched: searched)
        }
        return InputReference(written: path, searched: searched)
    }

    private func lookup(_ places: [String]) throws -> FileLookup {
        for place in places {
            guard let information = try files.information(place), !information.isFolder else { continue }
            return .found(ResolvedFile(path: place, text: try files.readText(place, limit: YAMLReader.largestText)))
        }
        return .missing(searched: places)
    }

    private func places(_ path: String, besides folder: String?) -> [String] {
        if path.hasPrefix("/") { return [Self.tidy(path)] }
        var places: [String] = []
        for root in [folder, sweepFolder, workingDirectory] {
            guard let root else { continue }
            let place = Self.tidy(root + "/" + path)
            if !places.contains(place) { places.append(place) }
        }
        return places
    }

    private static func absolute(_ path: String, in folder: String) -> String {
        path.hasPrefix("/") ? path : folder + "/" + path
    }

    /// Without `.` and empty segments; `..` stays, since a link may stand before it.
    private static func tidy(_ path: String) -> String {
        "/" + path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }
}
