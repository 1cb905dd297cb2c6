/**
 * Folders of images, each named after the class of what is in it, as Keras's `image_dataset_from_directory` reads them:
 *
 *   scans/healthy/001.png  scans/healthy/002.png  scans/ill/001.jpg ...
 *
 * Classes are in the order of their names' code units, and images in that of their paths. Files that are not named *.png,
 * *.jpg or *.jpeg, or begin with a dot, are passed over, and so are files beside the classes' folders; what is an image
 * by its name must be one.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError, FormatError, IoError, ShapeError } from '../../core/errors.js';
import { type NDArray, ndarray } from '../../core/ndarray.js';
import { loadFile } from '../../format/file.js';
import type { Picture } from '../augmentation.js';
import { type Pipeline, pipelineOf } from '../pipeline.js';
import type { DataBatch, ImageFiles, Rows } from '../source.js';
import { channelsOf, type ColorMode, decodeImage } from './decode.js';
import { readImageHeader } from './header.js';
import { cropToAspect, type ImageSize, resizeImage } from './resize.js';

export interface ImageFolderOptions {
  /** What images are resized to, in pixels. Unless said, all images must be of one size. */
  readonly size?: ImageSize;
  /** With `size`: crops images of other proportions about their middle, instead of distorting them (default false). */
  readonly cropToAspectRatio?: boolean;
  /** `grayscale` where no image has colours, else `rgb`, unless said. */
  readonly colorMode?: ColorMode;
}

/** Images in memory. */
export interface ImageFolder extends DataBatch {
  /** f32 [n, height, width, channels], from 0 (black) to 1. */
  readonly x: NDArray<'f32'>;
  /** i32 [n]: positions in `classes`. */
  readonly y: NDArray<'i32'>;
  readonly classes: readonly string[];
}

/** Images on disk, read batch by batch. */
export interface ImageDataset {
  readonly dataset: Pipeline;
  /** i32 [n]: of all images, in their order. */
  readonly y: NDArray<'i32'>;
  readonly classes: readonly string[];
  /** [height, width, channels] of each image. */
  readonly shape: readonly [height: number, width: number, channels: number];
}

const where = 'imageFolder';
const isImage = (name: string): boolean => /^[^.].*\.(png|jpe?g)$/i.test(name);

function list(path: string) {
  try {
    return readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new IoError(where, `a folder that can be read is required. Received '${path}': ${reason}.`, { cause });
  }
}

/** The images of a folder and of those within it. */
function imagesIn(path: string): string[] {
  return list(path).flatMap((entry) => {
    const inner = join(path, entry.name);
    if (entry.name.startsWith('.')) return [];
    return entry.isDirectory() ? imagesIn(inner) : isImage(entry.name) ? [inner] : [];
  });
}

interface Scanned {
  readonly files: ImageFiles;
  readonly classes: readonly string[];
}

/** Finds classes and images, and reads the images' headers. */
function scan(path: string, { size, cropToAspectRatio = false, colorMode }: ImageFolderOptions): Scanned {
  for (const extent of size ?? []) {
    if (Number.isSafeInteger(extent) && extent > 0) continue;
    throw new ArgumentError(where, `a size of whole pixels is required. Received ${size?.join(' x ')}.`);
  }
  if (cropToAspectRatio && !size) throw new ArgumentError(where, 'a size to crop to is required. Received none.');
  const classes = list(path).flatMap((entry) =>
    entry.isDirectory() && !entry.name.startsWith('.') ? [entry.name] : [],
  );
  if (classes.length === 0) {
    throw new FormatError(where, `a folder for each class is required. '${path}' holds no folder.`);
  }
  const found = classes.map((name) => imagesIn(join(path, name)));
  const empty = found.findIndex(({ length }) => length === 0);
  if (empty >= 0) {
    throw new FormatError(where, `a PNG or a JPEG of each class is required. '${classes[empty]}' holds none.`);
  }
  const paths = found.flat();
  const headers = paths.map((file) => readImageHeader(loadFile(file), file));
  const [first] = headers;
  const [height, width] = size ?? [first?.height ?? 0, first?.width ?? 0];
  const other = size ? -1 : headers.findIndex((header) => header.height !== height || header.width !== width);
  if (other >= 0) {
    const received = `'${paths[other]}' is ${headers[other]?.width} x ${headers[other]?.height}`;
    const required = `images as wide and high as the first, ${width} x ${height}, or a size to resize to, are required`;
    throw new ShapeError(where, `${required}. ${received}.`);
  }
  const labels = Int32Array.from(found.flatMap((files, label) => files.map(() => label)));
  const own: ColorMode = headers.every(({ isGray }) => isGray) ? 'grayscale' : 'rgb';
  return { classes, files: { paths, labels, height, width, colorMode: colorMode ?? own, cropToAspectRatio } };
}

async function read(path: string, { height, width, colorMode, cropToAspectRatio }: ImageFiles): Promise<Picture> {
  const picture = await decodeImage(loadFile(path), colorMode, path);
  const size = [height, width] as const;
  return resizeImage(cropToAspectRatio ? cropToAspect(picture, size) : picture, size);
}

/** The images as rows, which are read when they are taken. */
export function imageRows(files: ImageFiles): Rows {
  const { paths, labels, height, width, colorMode } = files;
  const shape = [height, width, channelsOf[colorMode]];
  const size = height * width * channelsOf[colorMode];
  const take = async (rows: Int32Array): Promise<DataBatch> => {
    const data = new Float32Array(rows.length * size);
    for (const [i, row] of rows.entries()) data.set((await read(paths[row] ?? '', files)).data, i * size);
    const y = Int32Array.from(rows, (row) => labels[row] ?? 0);
    return { x: ndarray('f32', [rows.length, ...shape], data), y: ndarray('i32', [rows.length], y) };
  };
  return { count: paths.length, take, spec: { kind: 'images', files } };
}

/**
 * Reads all images of a folder. Throws `IoError` for what cannot be read; `FormatError` for a folder without classes, a
 * class without images and, naming it, an image that is broken; `ShapeError`, naming it, for an image of another size
 * than the first where no `size` is given.
 */
export async function loadImageFolder(path: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
  const { files, classes } = scan(path, options);
  const { paths, labels, height, width, colorMode } = files;
  const shape = [paths.length, height, width, channelsOf[colorMode]];
  const x = ndarray('f32', shape);
  const size = x.data.length / paths.length;
  for (const [i, file] of paths.entries()) x.data.set((await read(file, files)).data, i * size);
  return { x, y: ndarray('i32', [paths.length], labels), classes };
}

/**
 * The images of a folder as a pipeline that reads a batch when it is asked for, for folders larger than memory. Throws as
 * `loadImageFolder` does; an image that is broken behind its header is found only when its batch is made.
 */
export function imageFolder(path: string, options: ImageFolderOptions = {}): ImageDataset {
  const { files, classes } = scan(path, options);
  const { labels, height, width, colorMode } = files;
  return {
    dataset: pipelineOf(imageRows(files)),
    y: ndarray('i32', [labels.length], labels),
    classes,
    shape: [height, width, channelsOf[colorMode]],
  };
}
