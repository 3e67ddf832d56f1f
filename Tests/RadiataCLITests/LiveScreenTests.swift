import RadiataCLI
import RunSpec
import SweepModel
import SweepWire
import Testing

@Suite("What --watch shows on a terminal")
struct LiveScreenTests {
    private static func sweep(_ states: [String: Int], left: TimeLeft? = nil) -> SweepSummary {
        var sweep = SweepSummary(
            name: "mine", created: 0, priority: 0, configurations: 4, states: states, checkpoints: 8)
        sweep.left = left
        return sweep
    }

    private static func job(
        _ id: Character = "a", worker: String = "host-a", phase: String? = nil, _ extent: ProgressExtent? = nil,
        attempt: Int = 1
    ) -> RunningJob {
        var job = RunningJob(
            id: String(repeating: id, count: 64), sweep: "mine", worker: worker, workerID: "w1", attempt: attempt,
            seed: 3, parameters: ["algorithm": .text("lokr"), "lr": .number(5e-4)], started: 10_000)
        (job.phase, job.extent) = (phase, extent)
        return job
    }

    private static func screen(
        _ sweep: SweepSummary, _ running: [RunningJob] = [], _ waiting: [JobBrief] = [], rates: LiveRates = LiveRates(),
        width: Int = 100
    ) -> LiveScreen {
        LiveScreen(sweeps: [sweep], running: running, waiting: waiting, rates: rates, now: 61_000, width: width)
    }

    private static func texts(_ screen: LiveScreen) -> [String] { screen.lines().map(\.text) }

    @Test("the head has the bar, the counts and the time left with its spread")
    func head() {
        let sweep = Self.sweep(
            ["done": 6, "running": 2, "waiting": 3, "failed": 1],
            left: TimeLeft(seconds: 430, low: 300, high: 600))
        let lines = Self.texts(Self.screen(sweep))
        #expect(lines[0] == "mine ████████████░░░░░░░░░░░░ 6/12 done · 3 waiting · 2 running · 1 failed")
        #expect(lines[1] == "  about 7:10 min left (5:00 min to 10:00 min)")
    }

    @Test("a narrow interval and a wide one that is seconds away say the time alone")
    func narrow() {
        #expect(LiveScreen.left(TimeLeft(seconds: 100, low: 98, high: 102)) == "about 1:40 min left")
        #expect(LiveScreen.left(TimeLeft(seconds: 1, low: 0, high: 1.6)) == "about 1 s left")
    }

    @Test("a slot says what it does, how far, how fast and how long still; rates come from what was seen")
    func slots() {
        var rates = LiveRates()
        rates.see([Self.job(phase: "training", ProgressExtent(done: 100, total: 400, unit: "steps"))], at: 0)
        let now = [Self.job(phase: "training", ProgressExtent(done: 120, total: 400, unit: "steps"))]
        rates.see(now, at: 10)
        let lines = Self.texts(Self.screen(Self.sweep(["running": 1]), now, rates: rates))
        #expect(lines.contains("  host-a  training 120/400 · 2.0/s · 2:20 min left  lokr lr=0.0005 seed 3"))
    }

    @Test("another attempt, another phase and a count that goes back begin their rate anew")
    func anew() {
        func rate(_ second: RunningJob) -> Double? {
            var rates = LiveRates()
            rates.see([Self.job(phase: "training", ProgressExtent(done: 10, total: 40, unit: "steps"))], at: 0)
            rates.see([second], at: 5)
            return rates.rate(of: second)
        }
        let extent = ProgressExtent(done: 20, total: 40, unit: "steps")
        #expect(rate(Self.job(phase: "training", extent)) == 2)
        #expect(rate(Self.job(phase: "training", extent, attempt: 2)) == nil)
        #expect(rate(Self.job(phase: "drawing", extent)) == nil)
        #expect(rate(Self.job(phase: "training", ProgressExtent(done: 5, total: 40, unit: "steps"))) == nil)
    }

    @Test("bytes are read as people read them; an end before the beginning is not shown")
    func extents() {
        #expect(
            LiveScreen.text(ProgressExtent(done: 1_200_000_000, total: 2_000_000_000, unit: "bytes")) == "1.2/2.0 GB")
        #expect(LiveScreen.text(ProgressExtent(done: 36, total: 64, unit: "images")) == "36/64")
        #expect(LiveScreen.text(rate: 0.25, "steps") == "4.0 s each")
        let odd = [Self.job(phase: "training", ProgressExtent(done: 50, total: 40, unit: "steps"))]
        #expect(Self.texts(Self.screen(Self.sweep(["running": 1]), odd)).contains { $0.contains("training · 51 s") })
    }

    @Test("reasons why jobs wait are counted; failures name job, class, worker and the first line")
    func needs() {
        let waiting = (0..<5).map { index in
            JobBrief(id: "\(index)", sweep: "mine", state: "waiting", waitsFor: "for a free slot")
        }
        var screen = Self.screen(Self.sweep(["waiting": 5]), [], waiting)
        screen.failures = [
            JobSummary(
                id: String(repeating: "3f", count: 32), sweep: "mine", group: "g", configuration: "1", state: "failed",
                seed: 1, attempts: 3, worker: "host-b", failure: "oom", message: "CUDA out of memory\nmore",
                parameters: [:], created: 0, updated: 5)
        ]
        let lines = Self.texts(screen)
        #expect(lines.contains("  5 jobs wait: for a free slot"))
        #expect(lines.contains("  3f3f3f3f oom on host-b: CUDA out of memory"))
        // Why it ended comes before how; a reason that is too long goes on in a second line.
        screen.failures[0].message = "the trainer exited with code 1: ValueError: no such file"
        #expect(Self.texts(screen).contains("  3f3f3f3f oom on host-b: ValueError: no such file"))
        let long = "all slots of the workers that fit are busy: " + String(repeating: "worker (12345678), ", count: 8)
        let crowded = Self.texts(
            Self.screen(
                Self.sweep(["waiting": 1]), [], [JobBrief(id: "1", sweep: "mine", state: "waiting", waitsFor: long)]))
        #expect(crowded.suffix(2).first?.hasPrefix("  1 job waits: all slots of") == true)
        #expect(crowded.last?.hasPrefix("    ") == true && crowded.last?.contains("worker") == true)
    }

    @Test("lines are cut at the terminal's width; what could move the cursor is shown", arguments: [20, 41, 80])
    func widths(width: Int) {
        var line = ScreenLine("日本語のワーカー ", .strong)
        line.add("ab\u{1B}[2Jcd\nef" + String(repeating: "x", count: 100), .bad)
        let fitted = line.fitted(width)
        #expect(ScreenLine.columns(of: fitted.text) <= width)
        #expect(ScreenLine.columns(of: fitted.text) >= width - 1)
        #expect(fitted.text.hasSuffix("…"))
        #expect(!fitted.text.unicodeScalars.contains("\u{1B}") && !fitted.text.contains("\n"))
        #expect(ScreenLine("short").fitted(width) == ScreenLine("short"))
    }

    @Test("without colours there are no escapes")
    func colours() {
        let line = ScreenLine("x", .bad)
        #expect(line.rendered(hasColor: false) == "x")
        #expect(line.rendered(hasColor: true) == "\u{1B}[31mx\u{1B}[0m")
    }
}
