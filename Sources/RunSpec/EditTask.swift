/// Everything a process of the core needs to edit a folder of pictures in one way.
package struct EditTask: Codable, Equatable, Sendable {
    /// The job's id, for messages and for what is kept of a job that was interrupted.
    package var job: String
    /// Paths of the base model and of the folder that names the pictures (`EditFolder`).
    package var base: String
    package var data: String
    /// Paths of the encoders named for measuring, besides the base's own.
    package var encoders: [EncoderRole: String]
    package var edit: EditSpec
    /// Of the noise: picture i uses seed + i.
    package var seed: Int

    /// What takes the place of a checkpoint's name in the rows: an edit has none.
    package static let checkpoint = "edit"
    /// What takes the place of a prompt type there.
    package static let prompts = "edit"

    package init(
        job: String, base: String, data: String, encoders: [EncoderRole: String] = [:], edit: EditSpec, seed: Int
    ) {
        self.job = job
        self.base = base
        self.data = data
        self.encoders = encoders
        self.edit = edit
        self.seed = seed
    }
}
