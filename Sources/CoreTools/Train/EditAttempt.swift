import CoreData
import CoreDiffusion
import CoreEvaluation
import CoreTensor
import CoreTraining
import Foundation
import ImageFiles
package import RunSpec

/// One attempt of an editing job: edits every picture of a folder, and measures what stayed and what came.
///
/// Pictures that an interrupted attempt has edited on this machine are kept, so that the next one goes on
/// behind them. There is nothing else to resume from.
package struct EditAttempt {
    package var task: EditTask
    /// The attempt folder.
    package var out: String
    /// Where jobs of this machine share features, and keep pictures of jobs that were interrupted.
    package var cache: String
    package var threads: Int
    /// Seconds since any fixed point.
    package var clock: () -> Double
    package var shouldStop: () -> Bool
    /// Gets one line about each part of the work.
    package var report: (String) -> Void

    package init(
        task: EditTask, out: String, cache: String, threads: Int, clock: @escaping () -> Double = { 0 },
        shouldStop: @escaping () -> Bool = { false }, report: @escaping (String) -> Void = { _ in }
    ) {
        self.task = task
        self.out = out
        self.cache = cache
        self.threads = threads
        self.clock = clock
        self.shouldStop = shouldStop
        self.report = report
    }

    /// - Returns: false if it was asked to stop.
    /// - Throws: the error of whichever module refused.
    package func run() throws -> Bool { try MachineCache.within(cache) { try edited() } }

    private func edited() throws -> Bool {
        Compute.configure(threads: threads)
        let folder = try EditFolder(path: task.data)
        let pipeline = try DiffusionPipeline.load(path: task.base)
        // Before minutes of editing end without a figure.
        let measure = try EditMeasure(
            base: task.base, encoders: task.encoders, tokenizer: pipeline.tokenizer, cache: cache)
        var editor = try PictureEditor(pipeline: pipeline, spec: task.edit, base: task.base)
        editor.shouldStop = shouldStop
        let kept = KeptEdits(folder: "\(cache)/edits/\(task.job)")
        do {
            let pairs = try pairs(folder, editor, kept)
            try keep(pairs, folder)
            let rows = try LineFile(path: AttemptFolder(out).evaluations)
            for row in try measure.rows(pairs) { try rows.append(row) }
            try rows.flush(sync: true)
        } catch let error as EvaluationError where error.code == .stopped {
            return false
        }
        try kept.remove()
        return true
    }

    private func pairs(_ folder: EditFolder, _ editor: PictureEditor, _ kept: KeptEdits) throws -> [EditMeasure.Pair] {
        // All of them, before minutes of editing end at the last one.
        for entry in folder.entries {
            try editor.check(
                try folder.image(of: entry).map { try ImageFile.read($0) }, maskWords: entry.words ?? "",
                in: entry.concept ?? entry.edit)
        }
        let progress = ProgressFile(AttemptFolder(out), clock: clock)
        return try folder.entries.enumerated().map { index, entry in
            defer { progress.tell("editing", index + 1, of: folder.entries.count, "images") }
            let name = folder.names[index]
            let result: PictureEditor.Result
            if let known = try kept.read(name) {
                report("\(name): kept")
                result = known
            } else {
                result = try editor.edit(
                    .init(
                        image: try folder.image(of: entry).map { try ImageFile.read($0) }, prompt: entry.prompt,
                        edit: entry.edit, concept: entry.concept, maskWords: entry.words ?? "",
                        seed: UInt64(task.seed + index)))
                try kept.write(result, name)
                report("\(name): edited")
            }
            return EditMeasure.Pair(
                source: result.source, edited: result.edited, attainable: result.attainable, prompt: entry.prompt,
                edit: entry.edit, spread: result.spread)
        }
    }

    /// The edited pictures as samples, and one sheet with all of them below their sources.
    private func keep(_ pairs: [EditMeasure.Pair], _ folder: EditFolder) throws {
        let place = AttemptFolder(out)
        try DurableFolder.create(place.artifactFiles)
        let title = task.edit.method.rawValue
        let sheet = ContactSheet(
            title: "\(title), seed \(task.seed)",
            rows: [
                .init(label: "source", images: pairs.map(\.source), captions: pairs.map(\.prompt)),
                .init(label: "edited", images: pairs.map(\.edited), captions: pairs.map(\.edit)),
            ], cellSize: Self.cell
        ).render()
        let artifacts = try LineFile(path: place.artifacts)
        func add(_ image: RGBImage, _ kind: String, _ name: String, _ description: String) throws {
            try PNGFile.write(
                image, to: "\(place.artifactFiles)/\(name)",
                text: [("Software", "radiata"), ("Description", description)])
            try artifacts.append(
                ArtifactRow(checkpoint: EditTask.checkpoint, kind: kind, name: name, path: "artifacts/\(name)"))
        }
        try add(sheet, "contact-sheet", EditFolder.sheetName + ".png", "job \(task.job)")
        for (index, pair) in pairs.enumerated() {
            try add(pair.edited, "sample", folder.names[index] + ".png", "\(title): \(pair.prompt) → \(pair.edit)")
        }
        try artifacts.flush(sync: true)
    }

    private static let cell = 96
}

/// Edited pictures of one job on this machine, until it is done.
private struct KeptEdits {
    let folder: String

    private struct Record: Codable {
        var spread: Double?
        var hasAttainable: Bool
    }

    /// nil for a picture that is not kept, or not whole.
    func read(_ name: String) throws -> PictureEditor.Result? {
        guard let bytes = FileManager.default.contents(atPath: "\(folder)/\(name).json") else { return nil }
        func image(_ kind: String) throws -> RGBImage { try ImageFile.read("\(folder)/\(name).\(kind).png") }
        do {
            let record = try JSONDecoder().decode(Record.self, from: bytes)
            return PictureEditor.Result(
                source: try image("source"), edited: try image("edited"),
                attainable: record.hasAttainable ? try image("attainable") : nil, spread: record.spread)
        } catch is DecodingError {
            return nil
        } catch is ImageFileError {
            // Torn by a machine that stopped: it is edited again.
            return nil
        }
    }

    /// The record comes last: with it the picture is whole.
    func write(_ result: PictureEditor.Result, _ name: String) throws {
        try DurableFolder.create(folder)
        let images: [(kind: String, image: RGBImage?)] = [
            ("source", result.source), ("edited", result.edited), ("attainable", result.attainable),
        ]
        for case (let kind, let image?) in images {
            try PNGFile.write(image, to: "\(folder)/\(name).\(kind).png")
        }
        let record = Record(spread: result.spread, hasAttainable: result.attainable != nil)
        try JSONEncoder().encode(record).write(to: URL(fileURLWithPath: "\(folder)/\(name).json"), options: .atomic)
    }

    func remove() throws { try DurableFolder.remove(folder) }
}
