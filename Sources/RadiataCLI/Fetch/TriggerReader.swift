import CoreData
import Foundation
import Ports
import SweepAnalysis
import SweepClient
import SweepModel
import SweepWire

/// The words that call what a job was trained on: from the data folder where it is on this machine, else from
/// the coordinator's list of its files.
struct TriggerReader {
    let client: SweepClient
    let data: JobDetail.Base

    func read() async throws -> [ModelCard.Trigger] {
        if let local = local() { return local }
        let list: InputList
        do {
            list = try await client.call(.input, InputRequest(digest: data.digest))
        } catch let error as ClientError where error.code == .refused(.notFound) {
            return []
        }
        if let file = list.tree.files.first(where: { $0.path == ConceptFile.name }), file.size < 1 << 20,
            let concepts = try await described(file)
        {
            return Self.triggers(concepts)
        }
        let folders = Set(list.tree.files.compactMap { $0.path.contains("/") ? $0.path.split(separator: "/")[0] : nil })
        return folders.sorted().map { Self.named(String($0)) }
    }

    /// nil where the folder is not here, or is not what it was.
    private func local() -> [ModelCard.Trigger]? {
        // What cannot be read here is asked of the coordinator.
        guard FileManager.default.fileExists(atPath: data.path),
            let digest = try? TreeDigest.compute(data.path).digest, digest.text == data.digest,
            let set = try? ConceptDataSet(path: data.path)
        else { return nil }
        return Self.triggers(set.concepts)
    }

    private func described(_ file: TreeFile) async throws -> [Concept]? {
        do {
            let bytes = try await client.call(.getBlob, BlobRange(sha256: file.sha256.text, offset: 0)).bytes
            return try ConceptFile.parse(String(decoding: bytes, as: UTF8.self), file: ConceptFile.name)
        } catch is ClientError {
            return nil  // launched with --no-upload
        } catch is DataError {
            return nil
        }
    }

    private static func triggers(_ concepts: [Concept]) -> [ModelCard.Trigger] {
        concepts.map { ModelCard.Trigger(word: $0.trigger, className: $0.className) }
    }

    /// kohya's name `N_trigger class` says both; a single word may be either.
    private static func named(_ folder: String) -> ModelCard.Trigger {
        let name = Concept(folder: folder, trigger: "", className: "", kind: .object).name
        guard let space = name.firstIndex(of: " ") else { return ModelCard.Trigger(word: "", className: name) }
        return ModelCard.Trigger(word: String(name[..<space]), className: String(name[name.index(after: space)...]))
    }
}
