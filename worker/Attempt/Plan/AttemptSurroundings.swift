import RunSpec
package import SweepModel

/// What a plan depends on besides the grant.
package struct AttemptSurroundings: Sendable {
    var base: String?
    var data: String?
    var regData: String?
    var encoders: [EncoderRole: String] = [:]
    /// Where what was made for it before lies, by its names.
    var prepared: [String: String] = [:]
    var threads: Int
    /// GPUs of the attempt alone.
    var gpus: [GPUDevice]
    /// Of the worker: whose variables are set.
    var vendors: Set<GPUDevice.Vendor>
    var program: String
    /// The worker's own environment, from which trainers get an allow-list.
    var environment: [String: String]
    /// A port that nobody listened on a moment ago.
    var port: Int
    /// Whether a text of the trainer names the job's file.
    var wantsJobFile = true

    package init(
        base: String? = nil, data: String? = nil, regData: String? = nil, threads: Int, gpus: [GPUDevice] = [],
        vendors: Set<GPUDevice.Vendor> = [], program: String, environment: [String: String], port: Int = 0
    ) {
        self.base = base
        self.data = data
        self.regData = regData
        self.threads = threads
        self.gpus = gpus
        self.vendors = vendors
        self.program = program
        self.environment = environment
        self.port = port
    }
}
