package import Logging
package import Ports
package import SweepClient
package import SweepModel

/// When a worker goes by itself: a machine that is paid by the hour is given back.
package struct WorkerLeaving: Equatable, Sendable {
    /// After so long without anything to do or to hand in.
    package var whenIdle: Duration?
    /// From the start to the machine's end.
    package var after: Duration?
    /// How long before the end it begins to stop; a tenth of `after` where that is less.
    package var margin: Duration = .seconds(120)
    /// How long a stopping worker goes on trying to hand in what it spooled.
    package var farewell: Duration = .seconds(15)

    package init() {}
}

/// What `radiata worker run` was told.
package struct WorkerConfiguration: Sendable {
    package var client: ClientConfiguration
    /// For people; the host's name if not given.
    package var name: String?
    /// Jobs at the same time.
    package var slots: Int
    /// Threads of one trainer; nil for cores / slots.
    package var threads: Int?
    package var labels: [String: String]
    /// GPUs that jobs may use; empty where there are none, or none are to be used.
    package var gpus: [GPUDevice]
    /// How many attempts may use one GPU at the same time.
    package var gpuShare: Int
    /// Trainers are to see no GPU, although the machine may have some.
    package var hidesGPUs: Bool
    /// Folders in which inputs are looked for by digest before they are fetched.
    package var inputs: [String]
    /// The worker's own folder: identity, cache, attempts. A second worker on the machine takes `-2`, and so
    /// on.
    package var work: String
    /// The program that runs core jobs.
    package var program: String
    package var version: String
    package var logger: Logger
    /// Whether SIGTERM and SIGINT stop the worker politely, and the second one at once.
    package var handlesSignals: Bool
    package var time: any TimeSource
    package var random: any RandomSource
    /// The work folder, where it was taken beforehand.
    package var folder: WorkFolder?
    package var leaving = WorkerLeaving()
    /// Where what is fetched is kept, and shared with other workers of the machine; the work folder's own if
    /// nil.
    package var cache: String?
    /// Takes the coordinator's build; nil for a worker that stays what it is.
    package var update: SelfUpdate?

    package init(
        client: ClientConfiguration, name: String? = nil, slots: Int = 1, threads: Int? = nil,
        labels: [String: String] = [:], gpus: [GPUDevice] = [], gpuShare: Int = 1, hidesGPUs: Bool = false,
        inputs: [String] = [], work: String, program: String = "/proc/self/exe",
        version: String = "", logger: Logger = Logger(label: "radiata.worker"), handlesSignals: Bool = true,
        time: any TimeSource = SystemTime(), random: any RandomSource = SystemRandom()
    ) {
        self.client = client
        self.name = name
        self.slots = slots
        self.threads = threads
        self.labels = labels
        self.gpus = gpus
        self.gpuShare = gpuShare
        self.hidesGPUs = hidesGPUs
        self.inputs = inputs
        self.work = work
        self.program = program
        self.version = version
        self.logger = logger
        self.handlesSignals = handlesSignals
        self.time = time
        self.random = random
    }

    /// Whose GPUs trainers see only as far as they are given some. `--gpus none` hides those that people
    /// have.
    var gpuVendors: Set<GPUDevice.Vendor> { hidesGPUs ? [.nvidia, .amd] : Set(gpus.map(\.vendor)) }
}
