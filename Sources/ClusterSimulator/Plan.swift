import Ports
package import RunSpec
import SweepModel

/// What one run is like: drawn from its seed, swarm style, so that every run has another mix of faults.
package struct Plan: Sendable {
    package enum Fault: String, CaseIterable, Sendable {
        case requestLost = "request-lost"
        case answerLost = "answer-lost"
        case duplicate
        case delay
        case partition
        case coordinatorKill = "coordinator-kill"
        case coordinatorPowerCut = "coordinator-power-cut"
        case killInCommit = "kill-in-commit"
        case coordinatorPause = "coordinator-pause"
        case coordinatorDisk = "coordinator-disk-error"
        case coordinatorDiskFull = "coordinator-disk-full"
        case slowSync = "slow-sync"
        case workerKill = "worker-kill"
        case workerPowerCut = "worker-power-cut"
        case workerPause = "worker-pause"
        case workerDiskFull = "worker-disk-full"
        case workerReinstalled = "worker-reinstalled"
        case twin = "two-workers-one-identity"
        case trainerCrash = "trainer-crash"
        case trainerHang = "trainer-hang"
        case trainerDeaf = "trainer-deaf"
        case trainerEmpty = "trainer-exits-without-output"
        case wallJump = "wall-clock-jump"
        case userAction = "user-action"
        case drain
        case relaunch
        case collect = "garbage-collection"
        case restore = "backup-restored"
        case badHost = "bad-host"
        case machineDown = "trainer-takes-machine-down"
        case workerGone = "worker-gone-for-good"
        case spoolDamage = "spool-bit-flip"
        case uninvited
    }

    /// Many seeds draw everything freely. The others take turns at one kind of trouble in earnest: what only
    /// shows under it is then met within a few seeds.
    package enum Lane: String, Sendable {
        case free, power, collection, stops, hosts, long, suspects, flapping, gpus

        init(seed: UInt64) {
            self =
                switch seed % 20 {
                case 1, 11: .power
                case 2: .suspects
                case 3, 13: .collection
                case 5, 15: .stops
                case 7, 17: .long
                case 9, 19: .hosts
                case 12: .flapping
                case 8: .gpus
                default: .free
                }
        }
    }

    package let lane: Lane
    package var workers: Int
    package var slots: Int
    package var jobs: Int
    package var leaseSeconds: Double
    /// Length of the phase with faults.
    package var seconds: Double
    package var faults: Set<Fault>
    /// Mean seconds between two faults of a kind that comes by itself.
    package var pace: Double
    /// Chance that a message suffers.
    package var loss: Double
    /// Jobs that fail by themselves always.
    package var poison: Double
    /// Jobs of a second sweep that fail always, before anything is logged; 0 for no such sweep.
    package var broken = 0
    /// So many such sweeps: their jobs have one trainer, and fail alike.
    package var brokenSweeps = 1
    /// They fail by their settings, not by a crash.
    package var isBadlyConfigured = false
    /// How much longer than seconds a step of training takes.
    package var stretch = 1.0
    /// Simulated seconds from one look at all invariants to the next.
    package var checkSeconds: Double
    /// Chance that an operation of the coordinator's disk is followed by a power cut, on a copy.
    package var images = 0.0
    /// How the trainers of a bad host fail: a class of failure, or by hanging (nil).
    package var hostFailure: FailureClass?
    /// Chance that an attempt on a bad host fails.
    var hostBadness = 0.8
    /// It fails anywhere in its training, not within three steps.
    var hostFailsLate = false
    /// Chance that a message is delayed, if not that of other trouble; the mean delay, of at most 10 minutes.
    var delayShare: Double?
    var delaySeconds = 20.0
    /// Chance that the answer to a heartbeat comes late, though before it is given up: meanwhile its attempts
    /// may end.
    var lateHeartbeats = 0.0
    /// Users pause and drain mostly, and think better of it within seconds.
    var isHasty = false
    /// Ends jobs by what they have measured; nil for training to the end.
    package var stopRule: StopRule?
    /// Chance that a commit is slow.
    package var slowness = 0.02
    /// Jobs of the sweep wait for one that makes what they need.
    package var isPrepared = false
    /// Most jobs end as soon as they begin, so that workers claim them ahead.
    var isQuick = false
    /// GPUs of the first worker; the others have as many or fewer. 0: nobody has any.
    package var gpus = 0
    package var gpuShare = 1
    /// Jobs of further sweeps, by the number of GPUs that each of them needs.
    package var wide: [Int: Int] = [:]
    /// Jobs of two GPUs need large ones, of which a worker has two at most.
    var needsLargeGPUs = false
    /// Jobs of several GPUs go before all others.
    var areWideUrgent = false
    /// How long machines are rented for, in seconds; nil for machines of one's own. After it another one
    /// comes, with an empty disk.
    package var rent: ClosedRange<Double>?
    /// Five workers with a short lease need 12 events a simulated second for their heartbeats alone.
    package var mostEvents = 150_000

    package init(seed: UInt64) {
        let random = SeededRandom(seed: seed ^ 0x504C_414E)
        workers = 1 + random.integer(below: 5)
        slots = 1 + random.integer(below: 3)
        jobs = 2 + random.integer(below: 12)
        leaseSeconds = random.pick([10, 30, 60])
        seconds = random.pick([600, 1200, 2400])
        pace = random.pick([40, 120, 300])
        loss = random.pick([0.005, 0.03, 0.15, 0.3])
        poison = random.chance(0.3) ? 0.2 : 0
        var chosen: Set<Fault> = []
        let density = random.pick([0.15, 0.35, 0.6, 0.9])
        for fault in Fault.allCases where random.chance(density) { chosen.insert(fault) }
        faults = random.chance(0.05) ? [] : chosen
        hostFailure = random.pick([.oom, .crash, .killed, nil])
        lane = Lane(seed: seed)
        checkSeconds = random.pick([7, 7, 20, 60])
        enter(lane, random)
        if seed % 10 == 8 { drawGPUs(SeededRandom(seed: seed ^ 0x4750_5553)) }
        // Drawn apart, so that the other seeds' plans stay as they are.
        let early = SeededRandom(seed: seed ^ 0x454E_4F55)
        if early.chance(0.3) {
            stopRule = StopRule(
                metric: "loss", better: early.pick([.lower, .higher]), patience: 2 + early.integer(below: 4),
                minDelta: early.pick([0, 0.05]), after: early.integer(below: 8))
        }
        if seed % 20 == 14 || seed % 20 == 16 {
            isPrepared = true
            stopRule = nil
        }
        if seed % 20 == 4 {
            isQuick = true
            jobs *= 6
        }
        guard seed % 10 == 0 || seed % 10 == 6 else { return }
        let other = SeededRandom(seed: seed ^ 0x4252_4B4E)
        broken = other.pick([1, 2, 3, 4, 6, 6])
        isBadlyConfigured = other.chance(0.3)
        brokenSweeps = other.pick([1, 2, 3])
    }

    /// Machines that are there for minutes, and killed besides, for hours on end.
    package static func rented(seed: UInt64, hours: Double) -> Plan {
        var plan = Plan(seed: seed)
        let random = SeededRandom(seed: seed ^ 0x5245_4E54)
        plan.faults = [.requestLost, .answerLost, .delay, .workerKill, .coordinatorKill, .slowSync]
        plan.workers = 3
        plan.slots = 1
        plan.gpus = 0
        plan.wide = [:]
        plan.broken = 0
        plan.poison = 0
        plan.stopRule = nil
        plan.images = 0
        plan.leaseSeconds = 60
        plan.seconds = hours * 3600
        plan.stretch = 6
        // About 18 minutes each.
        plan.jobs = Int(hours * 3 * 60 / 18)
        plan.pace = random.pick([900, 1800])
        plan.loss = 0.01
        plan.delayShare = nil
        plan.lateHeartbeats = 0
        plan.rent = 240...900
        plan.checkSeconds = 1800
        plan.mostEvents = 20_000_000
        return plan
    }

    private mutating func enter(_ lane: Lane, _ random: SeededRandom) {
        switch lane {
        case .free: return
        case .power:
            faults.formUnion([.coordinatorPowerCut, .workerPowerCut, .coordinatorDisk, .workerKill])
            // While a backup is put in its place the ledger is a folder in the hands of a tool; see `images`.
            // Nothing else may damage what was synced.
            faults.subtract([.restore, .spoolDamage])
            images = 0.004
        case .collection:
            faults.formUnion([.collect, .workerKill, .relaunch, .slowSync, .answerLost])
            slowness = random.pick([0.1, 0.4])
        case .stops:
            faults.formUnion([.userAction, .drain, .delay, .slowSync, .partition, .workerPause])
            workers = 1 + random.integer(below: 3)
            slowness = random.pick([0.02, 0.2])
            // Many short delays: an order that comes late must meet the next attempt of its job on the same
            // worker.
            loss = random.pick([0.03, 0.15])
            delayShare = 0.5
            delaySeconds = 3
            pace = random.pick([15, 40])
            if random.chance(0.5) { makeHasty(random) }
            return
        case .hosts:
            faults.formUnion([
                .badHost, .workerGone, .workerKill, .spoolDamage, .coordinatorPause, .uninvited, .machineDown,
            ])
            // With one worker nothing is tried elsewhere.
            if random.chance(0.4) { workers = 1 }
            stretch = random.pick([0.3, 1])
            seconds = 2400
        case .long: return enterLong(random)
        case .suspects: return enterSuspects(random)
        case .flapping: return enterFlapping(random)
        case .gpus: return enterGPUs(random)
        }
        pace = 40
        loss = min(loss, 0.15)
    }

    /// Of a stop and a new grant within the seconds that a heartbeat's answer may be late: all else is quick,
    /// and nothing takes a worker or the coordinator away.
    private mutating func makeHasty(_ random: SeededRandom) {
        faults.formIntersection([
            .requestLost, .answerLost, .duplicate, .trainerDeaf, .trainerCrash, .wallJump, .relaunch, .collect,
            .uninvited,
        ])
        faults.formUnion([.delay, .userAction, .drain])
        isHasty = true
        lateHeartbeats = 0.5
        delayShare = 0.02
        loss = 0.03
        leaseSeconds = random.pick([10, 30])
        stretch = 3
        pace = 15
    }

    /// A bad host beside good ones, and so many jobs that some still wait when its trials begin. Nobody
    /// drains workers: who ends a drain says that the worker is to be trusted.
    private mutating func enterSuspects(_ random: SeededRandom) {
        faults.formIntersection([
            .requestLost, .answerLost, .duplicate, .delay, .slowSync, .wallJump, .uninvited, .relaunch, .collect,
            .coordinatorKill, .trainerDeaf,
        ])
        faults.formUnion([.badHost, .slowSync])
        hostFailure = random.pick([.oom, .crash, .killed])
        hostBadness = random.pick([0.8, 0.95, 1])
        hostFailsLate = true
        poison = 0
        workers = 2 + random.integer(below: 3)
        slots = 1 + random.integer(below: 3)
        jobs = 30 + random.integer(below: 30)
        stretch = random.pick([0.3, 0.6])
        seconds = 1200
        pace = 300
        loss = min(loss, 0.03)
        // So that a worker is suspended while what it asked for is being committed.
        slowness = random.pick([0.1, 0.5])
    }

    /// Few workers that lose or give back what they run every few seconds, and more jobs than they can take,
    /// while the coordinator stays up: whose turn it is then shows.
    private mutating func enterFlapping(_ random: SeededRandom) {
        faults.formIntersection([
            .requestLost, .answerLost, .duplicate, .delay, .slowSync, .workerPowerCut, .workerPause, .partition,
            .trainerDeaf, .uninvited,
        ])
        faults.formUnion([.workerKill, .drain])
        workers = 1 + random.integer(below: 2)
        slots = 1
        jobs = 4 + random.integer(below: 5)
        leaseSeconds = 10
        stretch = random.pick([1, 3])
        seconds = 1200
        pace = random.pick([10, 20])
        loss = min(loss, 0.03)
    }

    /// Workers with GPUs, and jobs of one to three of them.
    private mutating func drawGPUs(_ random: SeededRandom) {
        gpus = random.pick([3, 4, 4])
        gpuShare = random.pick([1, 1, 1, 2])
        slots = random.pick([2, gpus * gpuShare, 1 + random.integer(below: 6)])
        needsLargeGPUs = random.chance(0.5)
        wide = lane == .gpus ? [2: 3 + random.integer(below: 5), 3: 2 + random.integer(below: 4)] : [2: 3, 3: 2]
        areWideUrgent = lane == .gpus
    }

    /// A stream of jobs of one GPU that lasts for longer than any job of several may have to wait, and
    /// nothing that takes workers away for long: who gets room then shows.
    private mutating func enterGPUs(_ random: SeededRandom) {
        faults.formIntersection([
            .requestLost, .answerLost, .duplicate, .delay, .slowSync, .wallJump, .uninvited, .relaunch, .collect,
            .trainerDeaf,
        ])
        poison = 0
        workers = 1 + random.integer(below: 2)
        jobs = 120 + random.integer(below: 60)
        stretch = 0.4
        seconds = 3600
        pace = 120
        loss = min(loss, 0.03)
        delayShare = 0.1
        delaySeconds = 3
        leaseSeconds = random.pick([30, 60])
        checkSeconds = 20
        mostEvents = 400_000
    }

    /// So many jobs of one to three GPUs for one worker of two slots and four GPUs.
    package static func crowd(_ jobs: Int) -> Plan {
        var plan = Plan(seed: 8)
        (plan.workers, plan.slots, plan.gpus, plan.gpuShare) = (1, 2, 4, 1)
        plan.wide = [2: jobs / 4, 3: jobs * 3 / 20]
        plan.jobs = jobs - jobs / 4 - jobs * 3 / 20
        plan.needsLargeGPUs = false
        plan.broken = 0
        plan.stretch = 0.2
        plan.seconds = Double(jobs) * 4
        plan.checkSeconds = 60
        plan.mostEvents = 20_000_000
        return plan
    }

    /// The GPUs of a worker: the first two are large.
    func devices(of worker: Int) -> [GPUDevice] {
        guard gpus > 0 else { return [] }
        return (0..<(worker == 1 ? gpus : 1 + worker * 5 % gpus)).map { position in
            GPUDevice(
                index: String(position), uuid: "GPU-\(worker)-\(position)", name: "Simulated",
                memory: position < 2 ? 24_000_000_000 : 12_000_000_000)
        }
    }

    /// Steps of minutes to hours, outages of hours, and mostly quiet: as most real time of a cluster passes.
    private mutating func enterLong(_ random: SeededRandom) {
        stretch = random.pick([10, 10, 30, 30, 100, 300])
        jobs = max(1, min(jobs, Int(240 / stretch)))
        workers = 1 + random.integer(below: 3)
        leaseSeconds = random.pick([60, 60, 300])
        seconds = 3600 * random.pick([2, 6, 12])
        pace = seconds / random.pick([10, 30, 60])
        loss = random.pick([0.001, 0.005, 0.03])
        // It would hold its slot for as long as a job may take.
        if stretch > 10 {
            faults.remove(.trainerHang)
            hostFailure = hostFailure ?? .crash
        }
        checkSeconds = 300
        mostEvents = 1_500_000
    }

    /// How long a job may run.
    package var timeoutSeconds: Int { Int(1800 * stretch) }

    package func has(_ fault: Fault) -> Bool { faults.contains(fault) }

    package var summary: String {
        "\(lane): \(workers) workers × \(slots), \(jobs) jobs × \(stretch), lease \(Int(leaseSeconds)) s, \(Int(seconds)) s; "
            + (gpus > 0
                ? "\(gpus) GPUs × \(gpuShare), wide \(wide.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }); "
                : "")
            + (broken > 0 ? "\(brokenSweeps) × \(broken) broken jobs; " : "")
            + (faults.isEmpty ? "no faults" : faults.map(\.rawValue).sorted().joined(separator: " "))
    }
}
