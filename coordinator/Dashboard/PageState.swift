import CoordinatorOperations
import Ports
import RunSpec
import SweepAnalysis
import SweepLedger
import SweepModel
import Synchronization

/// What the page for people keeps in memory beside the sessions.
struct PageState: Sendable {
    let assets: PageAssets
    let downloads: DownloadBook
    let tables: SweepTables
    let rankings: Memo<String, RankingAnswer>
    let importances: Memo<String, PageImportance>
    let paces: Memo<String, [String: SweepPace]>
    let costs: Memo<String, PageSweep.Cost>
    let sweeps: Memo<String, [SweepSummary]>
    let pictures: Memo<String, PagePictures>
    let curves: Memo<String, [ThinnedCurve]>
    /// The ledger's last event, and what is new of the curves that pages follow: asked once for all pages.
    let lastEvents: Memo<String, Int64>
    let newPoints: Memo<String, ThinnedCurve?>
    let streams: StreamGate

    init(ledger: Ledger, time: any TimeSource, assets: PageAssets = PageAssets()) {
        self.assets = assets
        downloads = DownloadBook(time: time)
        tables = SweepTables(ledger: ledger, time: time)
        rankings = Memo(most: 16, time: time)
        importances = Memo(most: 8, time: time)
        paces = Memo(most: 1, time: time)
        costs = Memo(most: 64, time: time)
        sweeps = Memo(most: 1, time: time)
        pictures = Memo(most: 4, time: time)
        curves = Memo(most: 128, time: time)
        lastEvents = Memo(most: 1, time: time)
        newPoints = Memo(most: 128, time: time)
        streams = StreamGate()
    }
}

/// At most so many pages that follow what happens.
final class StreamGate: Sendable {
    private static let most = 400
    private let count = Mutex(0)

    /// - Returns: false where there are too many.
    func enter() -> Bool {
        count.withLock { count in
            guard count < Self.most else { return false }
            count += 1
            return true
        }
    }

    var open: Int { count.withLock { $0 } }

    func leave() { count.withLock { $0 -= 1 } }
}

/// A sweep as the page shows it.
struct PageSweep: Encodable, Sendable {
    struct Progress: Encodable, Sendable {
        /// Of jobs that are over, whatever became of them.
        var over: Int
        var jobs: Int
        var running: Int
        /// Jobs done in an hour, by the last of them; nil where nothing was done lately.
        var perHour: Double?
        /// Seconds, with a 90 % interval.
        var left: Double?
        var leftLow: Double?
        var leftHigh: Double?
        /// Why there is no time left to tell.
        var why: String?
    }

    struct Cost: Encodable, Sendable {
        var attempts: Int
        var hours: Double
    }

    var summary: SweepSummary
    var progress: Progress

    init(_ summary: SweepSummary, _ pace: SweepPace?, now: Int64) {
        self.summary = summary
        let states = summary.states
        let open = ["waiting", "running", "paused"].reduce(0) { $0 + (states[$1] ?? 0) }
        let running = states["running"] ?? 0
        progress = Progress(over: summary.jobs - open, jobs: summary.jobs, running: running)
        guard open > 0 else { return }
        let ended = pace?.ended ?? []
        let lately = ended.filter { now - $0.at < 6 * 3_600_000 }
        if let first = lately.last, lately.count > 1, now > first.at {
            progress.perHour = Double(lately.count) / (Double(now - first.at) / 3_600_000)
        }
        let left = TimeLeft(
            took: ended.map(\.seconds), running: (pace?.running ?? []).map { Double(max(0, now - $0)) / 1000 },
            waiting: states["waiting"] ?? 0)
        if let left {
            (progress.left, progress.leftLow, progress.leftHigh) = (left.seconds, left.low, left.high)
        } else {
            progress.why =
                summary.state == "paused"
                ? "paused" : running == 0 ? "nothing runs" : "known when the first job is done"
        }
    }
}
