import SweepModel

extension Endpoint<Nothing, ProgramResponse> {
    /// The program that the coordinator runs, for workers that are to be of the same build. 409 `conflict`
    /// where it cannot be given: its file was replaced since it started.
    package static var program: Self { Endpoint("program", .get, "/v1/program", scopes: [.worker]) }
}

extension Endpoint<BlobRange, RawBytes> {
    /// A piece of one of its files, at most one chunk; 404 for a file that is none of them.
    package static var programPiece: Self {
        Endpoint("programPiece", .get, "/v1/program/{sha256}", scopes: [.worker])
    }
}
