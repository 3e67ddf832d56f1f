import CoreEvaluation
import CoreTensor
import CoreTraining
import Foundation
import ImageFiles
package import RunSpec

/// One attempt of an evaluation job: draws with a checkpoint that is there and measures, or measures images
/// that the trainer made.
package struct EvaluationAttempt {
    package var task: EvaluationTask
    /// The attempt folder.
    package var out: String
    /// Where jobs of this machine share images and answers.
    package var cache: String
    package var threads: Int
    /// This program, for external metrics that are part of it.
    package var program: String
    /// The socket of who keeps external metrics running between attempts (`MetricHost`); nil for nobody.
    package var metricHost: String?
    /// Seconds since any fixed point.
    package var clock: () -> Double
    package var shouldStop: () -> Bool
    /// Gets one line about each part of the work.
    package var report: (String) -> Void

    package init(
        task: EvaluationTask, out: String, cache: String, threads: Int, program: String,
        clock: @escaping () -> Double = { 0 }, shouldStop: @escaping () -> Bool = { false },
        report: @escaping (String) -> Void = { _ in }
    ) {
        self.task = task
        self.out = out
        self.cache = cache
        self.threads = threads
        self.program = program
        self.clock = clock
        self.shouldStop = shouldStop
        self.report = report
    }

    /// - Returns: false if it was asked to stop.
    /// - Throws: the error of whichever module refused.
    package func run() throws -> Bool { try MachineCache.within(cache) { try measured() } }

    private func measured() throws -> Bool {
        Compute.configure(threads: threads)
        do {
            var rows: [EvaluationRow] = []
            var asked: [MetricQuestion] = []
            if let adapter = task.adapter {
                let evaluation = try evaluator().evaluate(
                    adapter: adapter, checkpoint: task.checkpoint, epoch: task.epoch, step: task.step)
                rows = evaluation.rows
                try keep(evaluation.sheet)
                if task.evaluation.external != nil { asked = try questions(evaluation.drawings) }
            } else {
                asked = task.images.enumerated().map { index, path in
                    MetricQuestion(
                        id: index, image: path, prompt: "", reference: [], seed: 0, checkpoint: task.checkpoint,
                        class: "", prompts: "sample")
                }
            }
            let external = try (task.evaluation.external ?? []).flatMap { try measure($0, asked) }
            rows += external + (task.adapter == nil ? [] : Evaluator.averages(external))
            let file = try LineFile(path: AttemptFolder(out).evaluations)
            for row in rows { try file.append(row) }
            try file.flush(sync: true)
            report("\(task.checkpoint) evaluated: \(Set(rows.map(\.metric)).count) metrics")
            return true
        } catch let error as EvaluationError where error.code == .stopped {
            return false
        }
    }

    private func evaluator() throws -> Evaluator {
        guard let base = task.base, let data = task.data else {
            throw EvaluationError(code: .plan, message: "an adapter is drawn with a base and measured with data")
        }
        var setting = Evaluator.Setting(
            base: base, data: data, spec: task.evaluation, training: task.training, cache: cache)
        setting.encoders = task.encoders
        setting.seed = task.seed
        let file = ProgressFile(AttemptFolder(out), clock: clock)
        return try Evaluator(
            setting, shouldStop: shouldStop, report: report,
            onDrawn: { file.tell("drawing", $0, of: $1, "images") })
    }

    private func keep(_ sheet: RGBImage) throws {
        let folder = AttemptFolder(out)
        try DurableFolder.create(folder.artifactFiles)
        let name = "\(task.checkpoint).png"
        try PNGFile.write(
            sheet, to: "\(folder.artifactFiles)/\(name)",
            text: [("Software", "radiata"), ("Description", "job \(task.job), checkpoint \(task.checkpoint)")])
        let artifacts = try LineFile(path: folder.artifacts)
        try artifacts.append(
            ArtifactRow(checkpoint: task.checkpoint, kind: "contact-sheet", name: name, path: "artifacts/\(name)"))
        try artifacts.flush(sync: true)
    }

    /// Writes what was drawn, for programs that read files.
    private func questions(_ drawings: [Evaluation.Drawing]) throws -> [MetricQuestion] {
        var asked: [MetricQuestion] = []
        for (place, drawing) in drawings.enumerated() {
            let folder = "\(out)/drawn/\(place)"
            try DurableFolder.create(folder)
            let references = try write(drawing.references, "\(folder)/reference")
            let own = try write(drawing.own, "\(folder)/own")
            let images = try write(drawing.images, "\(folder)/image")
            let base = try write(drawing.baseImages, "\(folder)/base")
            for index in images.indices {
                asked.append(
                    MetricQuestion(
                        id: asked.count, image: images[index], prompt: drawing.texts[index],
                        // An image of a training caption is about that one picture.
                        reference: index < own.count ? [own[index]] : references, seed: drawing.seeds[index],
                        checkpoint: task.checkpoint, baseImage: base[index], class: drawing.class,
                        prompts: drawing.prompts.rawValue))
            }
        }
        return asked
    }

    private func write(_ images: [RGBImage], _ prefix: String) throws -> [String] {
        try images.enumerated().map { index, image in
            let path = "\(prefix)-\(String(String(100_000 + index).dropFirst())).png"
            try PNGFile.write(image, to: path)
            return path
        }
    }

    /// Places of the questions that are about an image: samples of a trainer may be videos.
    private func images(among questions: [MetricQuestion]) throws -> [Int] {
        guard task.adapter == nil else { return Array(questions.indices) }
        return try questions.indices.filter { index in
            let file = try FileHandle(forReadingFrom: URL(filePath: questions[index].image))
            return MediaFormat.moves(try file.read(upToCount: MediaFormat.headBytes) ?? Data()) == false
        }
    }

    private func measure(
        _ metric: ExternalMetric, _ questions: [MetricQuestion]
    ) throws -> [EvaluationRow] {
        guard !questions.isEmpty else { return [] }
        let asked = try images(among: questions)
        let videos = questions.count - asked.count
        if videos > 0 { report("\(metric.name): \(videos) of \(questions.count) samples are videos and left out") }
        guard !asked.isEmpty else { return [] }
        report("\(metric.name): measuring \(asked.count) images")
        let found = try ExternalMetricRun(
            metric: metric, program: program, cache: cache, host: metricHost,
            listener: MetricListener(log: report, shouldStop: shouldStop)
        ).answers(to: asked.map { questions[$0] })
        // Values stand at the places of their images; a video's place has none, and says why.
        var answers = [[MetricAnswer]?](repeating: nil, count: questions.count)
        for (index, answer) in zip(asked, found) { answers[index] = answer }
        struct Group: Hashable {
            let name: String
            let prompts: String
        }
        let groups = Dictionary(grouping: questions.indices) {
            Group(name: questions[$0].class, prompts: questions[$0].prompts)
        }
        return groups.sorted { ($0.key.name, $0.key.prompts) < ($1.key.name, $1.key.prompts) }.flatMap {
            group, members in
            let names = Set(members.flatMap { (answers[$0] ?? []).map { $0.metric ?? metric.name } }).sorted()
            return names.map { name in
                let found = members.map { index in answers[index]?.first { ($0.metric ?? metric.name) == name } }
                let values = found.map { $0?.value }
                let known = values.compactMap { $0 }
                let notes = zip(members, found).map { index, answer -> String? in
                    answers[index] == nil ? "a video is no image" : answer?.note
                }
                return EvaluationRow(
                    checkpoint: task.checkpoint, epoch: task.epoch, step: task.step, class: group.name,
                    prompts: group.prompts, metric: name,
                    value: known.isEmpty ? nil : known.reduce(0, +) / Double(known.count), n: known.count,
                    values: values.count <= MetricLimit.imageValues ? values : nil,
                    notes: notes.contains { $0 != nil } && values.count <= MetricLimit.imageValues ? notes : nil)
            }
        }
    }
}
