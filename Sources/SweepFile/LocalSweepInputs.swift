package import Ports
package import SweepModel

/// Looks things up in the file system: first beside the sweep file, then in the working directory.
package struct LocalSweepInputs: SweepInputs {
    private let sweepFolder: String
    private let workingDirectory: String
    private let files: any FileStore
    private let digest: (String) throws -> ContentDigest
    private let generations: ((InputKind, String) throws -> InputGenerations?)?

    /// - Parameters:
    ///   - sweepFile: absolute, or relative to the working directory.
    ///   - workingDirectory: absolute.
    ///   - digest: of the file or folder at an absolute path (`TreeDigest`).
    ///   - generations: of the core, that read it as the present one (`InputReference.generations`); told by
    ///     who can look in.
    package init(
        sweepFile: String, workingDirectory: String, files: any FileStore = DiskFiles(),
        digest: @escaping (String) throws -> ContentDigest,
        generations: ((InputKind, String) throws -> InputGenerations?)? = nil
    ) {
        let absolute = Self.absolute(sweepFile, in: workingDirectory)
        sweepFolder = absolute.lastIndex(of: "/").map { String(absolute[..<$0]) } ?? workingDirectory
        self.workingDirectory = workingDirectory
        self.files = files
        self.digest = digest
        self.generations = generations
    }

    package func file(_ path: String, besides folder: String?) throws -> FileLookup {
        try lookup(places(path, besides: folder))
    }

    package func profile(_ name: String) throws -> FileLookup {
        let isPath = name.contains("/") || name.hasSuffix(".yaml") || name.hasSuffix(".yml")
        let own = isPath ? places(name, besides: nil) : places("worker/profiles/\(name).yaml", besides: nil)
        for place in own {
            guard let bytes = try content(place, limit: SweepText.largestFile) else { continue }
            return .found(ResolvedFile(path: place, text: try SweepText.decode(bytes, file: place)))
        }
        if let embedded = EmbeddedProfiles.all[name] {
            return .found(ResolvedFile(path: "\(name).yaml", text: embedded))
        }
        return .missing(searched: own)
    }

    package func input(_ path: String, _ kind: InputKind) throws -> InputReference {
        let searched = places(path, besides: nil)
        for place in searched where try files.exists(place) {
            return InputReference(
                written: path, path: place, digest: try digest(place), searched: searched,
                generations: try generations?(kind, place))
        }
        return InputReference(written: path, searched: searched)
    }

    private func lookup(_ places: [String]) throws -> FileLookup {
        for place in places {
            // Byte for byte, marks included: a template belongs to the program that reads it.
            guard let bytes = try content(place, limit: YAMLReader.largestText) else { continue }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw PortsError(.malformed, "\(place): not UTF-8 text")
            }
            return .found(ResolvedFile(path: place, text: text))
        }
        return .missing(searched: places)
    }

    /// nil where no file is.
    private func content(_ place: String, limit: Int) throws -> [UInt8]? {
        guard let information = try files.information(place), !information.isFolder else { return nil }
        return try files.read(place, limit: limit)
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
