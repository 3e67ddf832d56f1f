import ArgumentParser
import Foundation
import ImageFiles
import RunSpec
import SweepAnalysis
import SweepClient
import SweepModel
import SweepWire

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "One HTML file: the answer in words, intervals, curves, pictures, costs.")

    @Argument(help: "The sweep.")
    var sweep: String
    @Option(name: .shortAndLong, help: "The file to write.")
    var output: String
    @Flag(help: "Save the pictures as they are in a folder beside the file, and link them.")
    var originals = false
    @OptionGroup var options: ClientOptions

    func validate() throws {
        guard output != "-" || !originals else {
            throw ValidationError("--originals needs a file to lie beside; give one with -o")
        }
    }

    func run() async throws {
        try await ReportWriter(client: try options.client(), sweep: sweep, savesOriginals: originals)
            .write(to: output)
        Console.note("wrote \(output)")
    }
}

struct GridCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grid", abstract: "Contact sheets side by side along two or three parameters.")

    @Argument(help: "The sweep.")
    var sweep: String
    @Option(help: "Parameter along the columns.")
    var x: String
    @Option(help: "Parameter along the rows.")
    var y: String
    @Option(help: "Parameter with one panel a value.")
    var z: String?
    @Option(name: .shortAndLong, help: "The PNG file to write.")
    var output: String
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let client = try options.client()
        let jobs = try await JobPages(client: client, sweep: sweep, state: nil).all()
        var cells: [ImageGrid.Cell] = []
        for job in jobs {
            guard let image = try await newestSheet(of: job, client: client) else { continue }
            func value(_ axis: String?) -> String { axis.flatMap { job.parameters[$0]?.plain } ?? "–" }
            cells.append(ImageGrid.Cell(x: value(x), y: value(y), z: z == nil ? "" : value(z), image: image))
        }
        guard !cells.isEmpty else {
            throw CommandFailure(.notFound, "\(sweep) has no contact sheets yet; its sweep file needs 'evaluate'")
        }
        let grid = ImageGrid(title: sweep, xAxis: x, yAxis: y, zAxis: z ?? "", cells: cells)
        try PNGFile.write(grid.composed(), to: output, text: [("Software", "radiata"), ("Title", sweep)])
        Console.note("wrote \(output)")
    }

    private func newestSheet(of job: JobSummary, client: SweepClient) async throws -> RGBImage? {
        let sheet = try await client.rows(of: PublicQueries.newestContactSheet(ofJob: job.id)).first
        guard let digest = sheet?.sha256 else { return nil }
        let bytes = try await client.call(.getBlob, BlobRange(sha256: digest, offset: 0), timeLimit: nil)
        return try ImageFile.decode(Array(bytes.bytes), name: "contact sheet of job \(job.id.prefix(12))").composited()
    }
}
