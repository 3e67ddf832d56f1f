import Ports
import RunSpec
import SweepModel
import SweepWire

/// What a worker knows of one attempt it holds.
struct HeldAttempt: Sendable {
    enum Phase: Equatable, Sendable {
        /// It waits for a slot (`WorkerCore+Ahead.swift`).
        case claimed
        /// Its inputs are fetched, its trainer runs, or its last output is read: it takes a slot.
        case running
        /// Its trainer is gone; what it left is sent. Nothing new comes but the final report.
        case reporting
    }

    let token: AttemptToken
    var phase: Phase
    /// When it was claimed, then when it began.
    var since: MonotonicTime
    /// Slots that it takes while it runs.
    var slots = 1
    /// Why it was asked to stop.
    var stop: StopReason?
    /// The trainer was asked to stop already.
    var stopSent = false
    /// When it has run too long.
    var deadline: MonotonicTime?
    var timeLimit: Duration?
    var isTimedOut = false
    /// Something it made could not be kept, so it cannot count as done.
    var fault: String?

    /// An earlier run of the worker left it: its spool holds all there will ever be.
    var isLeftOver = false

    /// For people.
    var progress: AttemptProgress

    var pointsSpooled: UInt64 = 0
    /// The number the coordinator wants next, as far as we know.
    var pointsNext: UInt64 = 1
    var isSendingPoints = false
    /// Most points in the next batch, after one was refused: halved until the point is found that is at
    /// fault.
    var pointLimit: Int?
    /// The next batch is the point alone that is at fault.
    var passesOver = false
    /// No points are sent before, after a refusal.
    var pointsNotBefore: MonotonicTime?
    /// How often in a row points could not be taken.
    var pointDelays = 0
    /// Points given up one by one.
    var pointsLost = 0
    /// Not even that can be sent: nothing that depends on the stream can be handed in.
    var isStreamDead = false

    /// Reports in the order of the spool; the first `inFlight` of them are on their way.
    var queue: [SpooledReport] = []
    var inFlight = 0
    /// Reports whose blobs are with the coordinator.
    var uploaded: Set<UInt64> = []
    /// The report whose blobs are on their way.
    var uploading: UInt64?
    /// How often the first report was sent back for blobs or points, and until when it waits.
    var sentBack = 0
    var reportsNotBefore: MonotonicTime?
    var reportsRefused = 0

    init(token: AttemptToken, phase: Phase, since: MonotonicTime) {
        self.token = token
        self.phase = phase
        self.since = since
        progress = AttemptProgress(
            token: token, step: nil, phase: phase == .reporting ? Self.uploadingPhase : "preparing")
    }

    /// What is sent while it runs does not hide what its trainer does.
    mutating func moved(to phase: String, step: Int?, extent: ProgressExtent?) {
        guard (self.phase == .reporting) == (phase == Self.uploadingPhase) else { return }
        if let extent {
            progress.extent = extent
        } else if phase != progress.phase {
            progress.extent = nil
        }
        progress.phase = phase
        if let step { progress.step = step }
    }

    static let uploadingPhase = "uploading"

    /// Whether points wait that none are under way of.
    var hasPoints: Bool { pointsNext <= pointsSpooled && !isSendingPoints && !isStreamDead }

    /// The first report whose blobs are to be brought to the coordinator; nil while others' are.
    var nextUpload: SpooledReport? {
        uploading == nil ? queue.first { $0.hasBlobs && !uploaded.contains($0.number) } : nil
    }

    /// Whether a report may be sent now, if it is the next one.
    func isReady(_ report: SpooledReport) -> Bool {
        if report.hasBlobs && !uploaded.contains(report.number) { return false }
        if isStreamDead { return !report.isCheckpoint && !report.isFinished }
        // A final report closes the attempt: everything measured goes before it.
        if Mutant.isOn("finish-without-stream") { return true }
        let wanted = report.isFinal ? max(pointsSpooled, report.streamPosition ?? 0) : report.streamPosition ?? 0
        return pointsNext > wanted
    }
}
