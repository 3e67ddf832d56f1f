package import SweepModel
import Synchronization

/// Answers from a launch bundle, as the launching machine found things.
package struct BundledSweepInputs: SweepInputs {
    private let bundle: LaunchBundle

    package init(_ bundle: LaunchBundle) { self.bundle = bundle }

    package func file(_ path: String, besides folder: String?) throws -> FileLookup { lookup("file:" + path) }

    package func profile(_ name: String) throws -> FileLookup { lookup("profile:" + name) }

    package func input(_ path: String, _ kind: InputKind) throws -> InputReference {
        guard let found = bundle.inputs[path] else { return InputReference(written: path) }
        return InputReference(written: path, path: found.path, digest: found.digest, generations: found.generations)
    }

    private func lookup(_ key: String) -> FileLookup {
        bundle.files[key].map { .found($0) } ?? .missing(searched: ["the launch bundle"])
    }
}

/// Passes questions on and keeps the answers: what a bundle is made of.
final class RecordingSweepInputs: SweepInputs {
    private let source: any SweepInputs
    private let answers = Mutex(Answers())

    struct Answers {
        var files: [String: ResolvedFile] = [:]
        var inputs: [String: ResolvedInput] = [:]
    }

    init(_ source: any SweepInputs) { self.source = source }

    var recorded: Answers { answers.withLock { $0 } }

    func file(_ path: String, besides folder: String?) throws -> FileLookup {
        record(try source.file(path, besides: folder), "file:" + path)
    }

    func profile(_ name: String) throws -> FileLookup { record(try source.profile(name), "profile:" + name) }

    func input(_ path: String, _ kind: InputKind) throws -> InputReference {
        let found = try source.input(path, kind)
        if let place = found.path, let digest = found.digest {
            answers.withLock { answers in
                // One folder may be data and regularisation data.
                answers.inputs[path] = ResolvedInput(
                    path: place, digest: digest,
                    generations: .newest([found.generations, answers.inputs[path]?.generations]))
            }
        }
        return found
    }

    private func record(_ lookup: FileLookup, _ key: String) -> FileLookup {
        if case .found(let file) = lookup { answers.withLock { $0.files[key] = file } }
        return lookup
    }
}
