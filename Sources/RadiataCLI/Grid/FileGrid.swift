import CoreAdapters
import CoreTools
import Foundation
import ImageFiles
import RunSpec
import SweepAnalysis

/// A grid of adapter files, drawn on a base.
struct FileGrid {
    let command: GridCommand

    func run() throws {
        let axes = try command.axes(parameters: nil)
        let prompt = try command.onlyPrompt(axes)
        let lines = try axes.map { try line($0) }
        for line in lines where line.kind == .blocks { for value in line.values { _ = try blocks(value) } }
        guard let base = command.base.map(Paths.expanded) else { return }
        guard FileManager.default.fileExists(atPath: base) else {
            throw CommandFailure(
                .notFound,
                "--base \(base): nothing is there; name a folder in diffusers' layout or one .safetensors file")
        }
        for used in command.adapter where !FileManager.default.fileExists(atPath: used.path) {
            throw CommandFailure(.notFound, "--adapter \(used.path): no such file or folder")
        }
        var content = try GridContent(title: title, lines: lines, command: command)
        for place in content.grid.places {
            let values = content.values(at: place)
            let image = GridImage(
                prompt: values[.prompt] ?? prompt ?? "", negative: command.negative,
                seed: UInt64(values[.seed] ?? "") ?? UInt64(command.seed), adapters: try adapters(values),
                blocks: try values[.blocks].map(blocks) ?? .all, setup: setup)
            content.cells[place] = .drawn(image)
        }
        var settings = GridDrawing.Settings(base: base, cache: command.cacheFolder, threads: command.machine.count)
        settings.tokenizer = command.tokenizer.map(Paths.expanded)
        settings.sampler = command.sampler ?? settings.sampler
        settings.steps = command.steps ?? settings.steps
        settings.guidance = command.guidance ?? settings.guidance
        try UsableFolder.prepare(settings.cache, option: "--cache", what: "drawn images")
        content.facts = facts(axes, settings, prompt)
        content.grid.note = content.facts.map { "\($0.0) \($0.1)" }.joined(separator: " · ")
        let drawing = try GridDrawing(settings)
        try GridPainter(drawing: drawing, limit: command.limit).paint(content)
        try content.write(to: command.output, drawing: drawing)
    }

    private var setup: GridImage.Setup {
        var setup = GridImage.Setup()
        setup.size = command.size?.pixels
        setup.clipSkip = command.clipSkip ?? 1
        return setup
    }

    private var title: String {
        let names = Self.labels(command.adapter.map(\.path))
        return names.joined(separator: ", ")
    }

    private func line(_ axis: ImageGridAxis) throws -> GridContent.Line {
        guard axis.kind == .adapter else {
            return .init(kind: axis.kind, values: try command.freeValues(of: axis))
        }
        let files = command.adapter
        let labels = Self.labels(files.map(\.path))
        guard Set(files.map(\.path)).count == files.count else {
            throw CommandFailure(
                .usage, "--adapter: a file stands twice; for two strengths of one take the axis strength")
        }
        // Values are numbers of the adapters; -1 is none.
        guard let picks = axis.picks else {
            return .init(kind: .adapter, values: files.indices.map(String.init), labels: labels)
        }
        let named = try ImageGridPick.values(picks, of: .adapter)
        let values = try named.map { name -> String in
            if let index = labels.firstIndex(of: name) ?? files.firstIndex(where: { $0.path == name }) {
                return "\(index)"
            }
            if name == Self.base { return "-1" }
            throw CommandFailure(
                .usage,
                "adapter=\(name): there is none; --adapter names \(labels.listed()), and \(Self.base) is none of them")
        }
        return .init(
            kind: .adapter, values: values, labels: values.map { $0 == "-1" ? Self.base : labels[Int($0) ?? 0] })
    }

    /// A value of the axis adapter that stands for the base alone.
    private static let base = "base"

    /// File names without their ending; paths where two would read alike.
    static func labels(_ paths: [String]) -> [String] {
        let names = paths.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent }
        return Set(names).count == names.count ? names : paths
    }

    private func adapters(_ values: [ImageGridAxis.Kind: String]) throws -> [GridImage.Used] {
        let factor = values[.strength].flatMap(Double.init) ?? 1
        let chosen: [AdapterReference] =
            if let index = values[.adapter].flatMap(Int.init) {
                index < 0 ? [] : [command.adapter[index]]
            } else {
                command.adapter
            }
        return chosen.map { .init(path: Paths.expanded($0.path), strength: $0.strength * factor) }
    }

    private func blocks(_ text: String) throws -> AdapterBlocks {
        do {
            return try AdapterBlocks(text)
        } catch {
            throw CommandFailure(.usage, error.message)
        }
    }

    private func facts(
        _ axes: [ImageGridAxis], _ settings: GridDrawing.Settings, _ prompt: String?
    ) -> [(String, String)] {
        let kinds = axes.map(\.kind)
        var facts: [(String, String)] = []
        if let prompt { facts.append(("prompt", prompt)) }
        if !kinds.contains(.adapter) {
            let names = zip(Self.labels(command.adapter.map(\.path)), command.adapter).map { label, used in
                used.strength == 1 ? label : "\(label):\(used.strength)"
            }
            facts.append(("adapter", names.joined(separator: " + ")))
        }
        if !kinds.contains(.seed) { facts.append(("seed", "\(command.seed)")) }
        facts.append(("base", URL(fileURLWithPath: settings.base).lastPathComponent))
        facts.append(("sampler", "\(settings.sampler), \(settings.steps) steps, guidance \(settings.guidance)"))
        if !command.negative.isEmpty { facts.append(("negative", command.negative)) }
        return facts
    }
}
