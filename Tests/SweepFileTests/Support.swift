import Foundation
import Ports
import SweepFile
import SweepModel

/// The repository's root, from this file's place in it.
let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

/// Inputs that exist by decree: every base and data set is there, named by the digest of its path.
struct FakeInputs: SweepInputs {
    var files: [String: String] = [:]
    var missing: Set<String> = []

    func file(_ path: String, besides folder: String?) throws -> FileLookup { lookup(path) }
    func profile(_ name: String) throws -> FileLookup { lookup("\(name).yaml") }

    func input(_ path: String, _ kind: InputKind) throws -> InputReference {
        if missing.contains(path) {
            return InputReference(written: path, searched: ["/sweeps/\(path)", "/work/\(path)"])
        }
        return InputReference(written: path, path: "/there/\(path)", digest: ContentDigest.of(path))
    }

    private func lookup(_ path: String) -> FileLookup {
        files[path].map { .found(ResolvedFile(path: path, text: $0)) } ?? .missing(searched: ["/sweeps/\(path)"])
    }
}

func read(_ text: String, _ inputs: FakeInputs = FakeInputs()) throws(SweepFileError) -> SweepFile {
    try SweepFile.read(text, name: "s.yaml", inputs: inputs)
}

/// A sweep of the core around one group, for tests of that group.
func core(_ group: String, top: String = "seeds: [1]") -> String {
    "name: t\nbase: b\ndata: d\n\(top)\ngroups:\n  - \(group)\n"
}
