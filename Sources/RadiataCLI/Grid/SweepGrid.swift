import CoreAdapters
import CoreTools
import Foundation
import ImageFiles
import RunSpec
import SweepAnalysis
import SweepClient
import SweepModel
import SweepWire

/// A grid of a sweep: its pictures laid out, or images drawn from its checkpoints.
struct SweepGrid {
    let command: GridCommand
    let sweep: String
    let client: SweepClient

    func run() async throws {
        let jobs = try await JobPages(client: client, sweep: sweep, state: nil).all()
        guard !jobs.isEmpty else { throw CommandFailure(.notFound, "there is no sweep '\(sweep)', or it has no jobs") }
        let names = SweepGridPlan.parameterNames(jobs)
        let axes = try command.axes(parameters: names)
        let filters = try command.filters.map { text throws(RunSpecError) in
            let filter = try ImageGridAxis(text, parameters: names)
            guard case .parameter = filter.kind, filter.picks != nil else {
                throw RunSpecError(code: .badParameter, message: "--where \(text): wanted PARAMETER=VALUES")
            }
            return filter
        }
        let plan = try SweepGridPlan(jobs: jobs, where: filters)
        guard !plan.jobs.isEmpty else { throw CommandFailure(.notFound, "--where leaves no job of \(sweep)") }
        let unshown = plan.unshown(axes: axes.map(\.kind))
        if !unshown.isEmpty {
            Console.note(
                "jobs also differ in \(unshown.listed()); each cell shows the first of them: choose with --where "
                    + "\(unshown[0])=VALUE, or take it as an axis")
        }
        if isDrawn(axes) { try await draw(plan, axes) } else { try await layOut(plan, axes) }
    }

    private func isDrawn(_ axes: [ImageGridAxis]) -> Bool {
        !command.prompt.isEmpty
            || axes.contains { $0.kind.isDrawn || $0.kind == .prompt && ($0.picks != nil || $0.file != nil) }
    }

    // MARK: Pictures that are there

    private func layOut(_ plan: SweepGridPlan, _ axes: [ImageGridAxis]) async throws {
        let source = SweepGridSource(client: client, sweep: sweep, folder: command.cacheFolder)
        let pictures = try await source.pictures()
        guard !pictures.isEmpty else {
            throw CommandFailure(
                .notFound,
                "\(sweep) has no contact sheets and no sample images; give --prompt to draw from its checkpoints")
        }
        let lines = try axes.map { axis in
            GridContent.Line(kind: axis.kind, values: try values(of: axis, plan, pictures))
        }
        let isSamples = pictures.values.joined().contains { $0.content.isSample }
        // A contact sheet is a dozen images wide.
        var content = try GridContent(
            title: sweep, lines: lines, command: command, usualSide: isSamples ? 256 : 768)
        let series = Set(pictures.values.joined().map(\.series))
        if isSamples, series.count > 1, !axes.contains(where: { $0.kind == .prompt }) {
            Console.note("of the \(series.count) pictures of a step the first is shown; an axis prompt shows all")
        }
        content.grid.note = isSamples ? "sample images" : "contact sheets"
        content.facts = [("sweep", sweep), ("shows", content.grid.note)]
        for place in content.grid.places {
            switch plan.item(at: content.values(at: place), of: pictures) {
            case .success(let item):
                content.cells[place] = .file(try await source.fetch(item.content.sha256, item.content.bytes))
            case .failure(let missing): content.cells[place] = .missing(missing.reason)
            }
        }
        try content.write(to: command.output, drawing: nil)
    }

    private func values<Content: Sendable>(
        of axis: ImageGridAxis, _ plan: SweepGridPlan, _ items: [String: [SweepGridPlan.Item<Content>]]
    ) throws -> [String] {
        let all = plan.jobs.flatMap { items[$0.id] ?? [] }
        switch axis.kind {
        case .epoch:
            return try SweepGridPlan.values(
                of: axis, occurring: ImageGridPick.ordered(all.compactMap { $0.epoch.map(String.init) }))
        case .step:
            return try SweepGridPlan.values(
                of: axis, occurring: ImageGridPick.ordered(all.compactMap { $0.step.map(String.init) }))
        case .prompt where !isDrawn([axis]): return ImageGridPick.ordered(all.map(\.series))
        case .strength, .seed, .blocks, .prompt: return try command.freeValues(of: axis)
        case .parameter, .adapter: return try plan.values(of: axis)
        }
    }

    // MARK: Images from checkpoints

    private func draw(_ plan: SweepGridPlan, _ axes: [ImageGridAxis]) async throws {
        let prompt = try command.onlyPrompt(axes)
        let source = SweepGridSource(client: client, sweep: sweep, folder: command.cacheFolder)
        let adapters = try await source.adapters()
        guard !adapters.isEmpty else {
            throw CommandFailure(
                .notFound, "\(sweep) has no adapters in the ledger yet; wait for its first checkpoints")
        }
        let lines = try axes.map { axis in
            GridContent.Line(kind: axis.kind, values: try values(of: axis, plan, adapters))
        }
        var content = try GridContent(title: sweep, lines: lines, command: command)
        let detail = try await client.call(.job, .init(job: plan.jobs[0].id))
        let base = try SweepBase(named: command.base, trained: detail.base, sweep: sweep).path()
        var settings = GridDrawing.Settings(base: base, cache: command.cacheFolder, threads: command.machine.count)
        settings.tokenizer = command.tokenizer.map(Paths.expanded)
        settings.sampler = command.sampler ?? detail.sampling?.sampler ?? settings.sampler
        settings.steps = command.steps ?? detail.sampling?.steps ?? settings.steps
        settings.guidance = command.guidance ?? detail.sampling?.guidance ?? settings.guidance
        try UsableFolder.prepare(settings.cache, option: "--cache", what: "drawn images")
        let setups = try await setups(source)
        for place in content.grid.places {
            let values = content.values(at: place)
            switch plan.item(at: values, of: adapters) {
            case .failure(let missing): content.cells[place] = .missing(missing.reason)
            case .success(let item):
                let path = try await source.fetch(item.content)
                let strength = values[.strength].flatMap(Double.init) ?? 1
                content.cells[place] = .drawn(
                    GridImage(
                        prompt: values[.prompt] ?? prompt ?? "", negative: command.negative,
                        seed: UInt64(values[.seed] ?? "") ?? UInt64(command.seed),
                        adapters: [.init(path: path, strength: strength)],
                        blocks: try values[.blocks].map(blocks) ?? .all, setup: setups[item.job] ?? usualSetup))
            }
        }
        content.facts = facts(axes, settings, prompt)
        content.grid.note = content.facts.dropFirst().map { "\($0.0) \($0.1)" }.joined(separator: " · ")
        let drawing = try GridDrawing(settings)
        try GridPainter(drawing: drawing, limit: command.limit).paint(content)
        try content.write(to: command.output, drawing: drawing)
    }

    private func blocks(_ text: String) throws -> AdapterBlocks {
        do {
            return try AdapterBlocks(text)
        } catch {
            throw CommandFailure(.usage, error.message)
        }
    }

    private var usualSetup: GridImage.Setup { changed(GridImage.Setup()) }

    /// How each job's images have to be drawn; none for jobs of a command, whose parameters are its own.
    private func setups(_ source: SweepGridSource) async throws -> [String: GridImage.Setup] {
        var setups: [String: GridImage.Setup] = [:]
        for (job, parameters) in try await source.parameters() {
            // Of a command they need not be the core's.
            guard let training = try? TrainingSpec(resolved: parameters, seed: 0) else { continue }
            setups[job] = changed(GridImage.Setup(training))
        }
        return setups
    }

    private func changed(_ setup: GridImage.Setup) -> GridImage.Setup {
        var setup = setup
        setup.size = command.size?.pixels ?? setup.size
        setup.clipSkip = command.clipSkip ?? setup.clipSkip
        return setup
    }

    private func facts(_ axes: [ImageGridAxis], _ settings: GridDrawing.Settings, _ prompt: String?) -> [(
        String, String
    )] {
        let kinds = axes.map(\.kind)
        var facts = [("sweep", sweep)]
        if let prompt { facts.append(("prompt", prompt)) }
        if !kinds.contains(.epoch) && !kinds.contains(.step) { facts.append(("checkpoint", "the newest")) }
        if !kinds.contains(.seed) { facts.append(("seed", "\(command.seed)")) }
        facts += command.filters.map { ("where", $0) }
        facts.append(("base", URL(fileURLWithPath: settings.base).lastPathComponent))
        facts.append(("sampler", "\(settings.sampler), \(settings.steps) steps, guidance \(settings.guidance)"))
        if !command.negative.isEmpty { facts.append(("negative", command.negative)) }
        return facts
    }
}
