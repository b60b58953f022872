// Drives discord.js, a client that shares no code with discord.py.
"use strict";

const {
  ApplicationCommandOptionType,
  AttachmentBuilder,
  ChannelType,
  Client,
  Events,
  GatewayIntentBits,
  MessageFlags,
  PermissionFlagsBits,
} = require("discord.js");

const say = (what, value = null) => console.log(JSON.stringify([what, value]));

const client = new Client({
  intents: [
    GatewayIntentBits.Guilds,
    GatewayIntentBits.GuildMembers,
    GatewayIntentBits.GuildMessages,
    GatewayIntentBits.MessageContent,
  ],
  rest: { api: `${process.env.ORIGIN}/api` },
});

const next = (event, fits = () => true) =>
  new Promise((resolve) => {
    const listen = (...things) => {
      if (!fits(...things)) return;
      client.off(event, listen);
      resolve(things);
    };
    client.on(event, listen);
  });

async function messages(channel) {
  const hearing = next(Events.MessageCreate);
  const sent = await channel.send({ content: "hello from discord.js", nonce: "n1", enforceNonce: true });
  const [heard] = await hearing;
  say("heard", [heard.id === sent.id, heard.content, heard.nonce]);
  const editing = next(Events.MessageUpdate);
  const edited = await sent.edit("changed by discord.js");
  await editing;
  say("edited", [edited.content, edited.editedTimestamp !== null]);
  for (let number = 0; number < 149; number++) await channel.send(String(number));
  const newest = await channel.messages.fetch({ limit: 100, cache: false });
  const older = await channel.messages.fetch({ limit: 100, before: newest.lastKey(), cache: false });
  say("history", [newest.size, newest.first().content, older.size, older.last().content]);
  const gone = await channel.send("to be deleted");
  await gone.delete();
  await channel.messages.fetch({ message: gone.id, force: true }).catch((error) => say("deleted", error.code));
}

async function files(channel) {
  const content = Buffer.alloc(1024000, "0123456789abcdef");
  const sent = await channel.send({ files: [new AttachmentBuilder(content, { name: "data.bin" })] });
  const attachment = sent.attachments.first();
  const read = Buffer.from(await (await fetch(attachment.url)).arrayBuffer());
  say("file", [attachment.name, attachment.size, read.equals(content)]);
}

async function channels(guild) {
  const category = await guild.channels.create({ name: "Js", type: ChannelType.GuildCategory });
  const hearing = next(Events.ChannelCreate, (channel) => channel.type === ChannelType.GuildText);
  const made = await guild.channels.create({
    name: "From Js",
    type: ChannelType.GuildText,
    topic: "t",
    parent: category,
    permissionOverwrites: [{ id: guild.id, deny: [PermissionFlagsBits.ViewChannel] }],
  });
  const [heard] = await hearing;
  say("channel", [heard.name, made.name, made.parentId === category.id]);
  say("topic", (await made.setTopic("changed")).topic);
  await made.delete();
  say("channels", (await guild.channels.fetch()).map((channel) => channel.name).sort());
}

async function person() {
  const hearing = next(Events.MessageCreate, (message) => !message.author.bot);
  say("waiting for a person");
  const [message] = await hearing;
  say("person", message.content);
}

async function commands(guild) {
  await guild.commands.set([
    {
      name: "greet",
      description: "Greets somebody",
      options: [{ type: ApplicationCommandOptionType.String, name: "name", description: "Whom", required: true }],
    },
  ]);
  const command = (await guild.commands.fetch()).first();
  say("command", [command.name, command.options[0].name]);
  const hearing = next(Events.InteractionCreate, (interaction) => interaction.isChatInputCommand());
  say("waiting for a command");
  const [interaction] = await hearing;
  const whom = interaction.options.getString("name");
  await interaction.reply({ content: `Hello, ${whom}!`, flags: MessageFlags.Ephemeral });
  await interaction.editReply(`Hello again, ${whom}!`);
  const followed = await interaction.followUp("And goodbye.");
  say("answered", followed.content);
}

async function refusals(channel) {
  await channel.send("x".repeat(2001)).catch((error) => say("too long", error.code));
  await client.channels.fetch("1").catch((error) => say("no channel", error.code));
}

client.once(Events.ClientReady, async () => {
  const guild = client.guilds.cache.get(process.env.SERVER_ID);
  const channel = guild.channels.cache.get(process.env.CHANNEL_ID);
  say("ready", [client.user.bot, guild.name]);
  await messages(channel);
  await files(channel);
  await channels(guild);
  await person();
  await commands(guild);
  await refusals(channel);
  await client.destroy();
  say("closed");
});

process.on("unhandledRejection", (error) => {
  console.error(error);
  process.exit(1);
});

client.login(process.env.TOKEN);
